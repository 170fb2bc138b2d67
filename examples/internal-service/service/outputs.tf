output "cluster_name" {
  description = "Name of the cluster."
  value       = aws_ecs_cluster.main.name
}

output "service_name" {
  description = "Name of the service."
  value       = aws_ecs_service.main.name
}

output "vpc_id" {
  description = "ID of the VPC."
  value       = aws_vpc.main.id
}
