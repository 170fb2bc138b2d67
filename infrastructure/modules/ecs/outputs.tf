output "cluster_arn" {
  description = "ARN of the cluster."
  value       = aws_ecs_cluster.this.arn
}

output "cluster_name" {
  description = "Name of the cluster."
  value       = aws_ecs_cluster.this.name
}

output "container_name" {
  description = "Name of the application's container."
  value       = var.container_name
}

output "container_port" {
  description = "Port the application listens on."
  value       = var.container_port
}

output "listener_arns" {
  description = "Listener ARNs by protocol, http and https."
  value = {
    http  = aws_lb_listener.http.arn
    https = aws_lb_listener.https.arn
  }
}

output "load_balancer_arn" {
  description = "ARN of the load balancer."
  value       = aws_lb.this.arn
}

output "load_balancer_dns_name" {
  description = "Host name of the load balancer."
  value       = aws_lb.this.dns_name
}

output "load_balancer_security_group_id" {
  description = "Security group of the load balancer."
  value       = aws_security_group.load_balancer.id
}

output "load_balancer_zone_id" {
  description = "Hosted zone of the load balancer, for an alias record."
  value       = aws_lb.this.zone_id
}

output "log_group_name" {
  description = "Log group of the tasks."
  value       = aws_cloudwatch_log_group.tasks.name
}

output "service_name" {
  description = "Name of the service."
  value       = aws_ecs_service.this.name
}

output "target_group_arn" {
  description = "ARN of the target group."
  value       = aws_lb_target_group.this.arn
}

output "task_definition_family" {
  description = "Family of the task definition; Terraform's first revision and the pipeline's are in it."
  value       = aws_ecs_task_definition.this.family
}

output "task_security_group_id" {
  description = "Security group of the tasks. Data stores allow this group."
  value       = aws_security_group.tasks.id
}

output "traffic_shift" {
  description = "Names that deployments which shift traffic are set up with; null without traffic_shift."
  value = var.traffic_shift ? {
    alternate_target_group_arn   = aws_lb_target_group.alternate[0].arn
    hook_function_arn            = aws_lambda_function.smoke_test[0].arn
    hook_role_arn                = aws_iam_role.hook[0].arn
    infrastructure_role_arn      = aws_iam_role.infrastructure[0].arn
    production_listener_rule_arn = aws_lb_listener_rule.production[0].arn
    test_listener_rule_arn       = aws_lb_listener_rule.test[0].arn
  } : null
}
