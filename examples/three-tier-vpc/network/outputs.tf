output "application_subnet_ids" {
  description = "Subnets of the applications."
  value       = [for zone in var.zones : aws_subnet.main["application-${zone}"].id]
}

output "data_subnet_ids" {
  description = "Subnets of the data stores."
  value       = [for zone in var.zones : aws_subnet.main["data-${zone}"].id]
}

output "vpc_id" {
  description = "ID of the VPC."
  value       = aws_vpc.main.id
}
