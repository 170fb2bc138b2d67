# A service that deploys by canary, in the provider's own words. Versions before 6.21 do not know them: with version 5, see
# infrastructure/modules/ecs/traffic-shift.tf, and set the strategy with the AWS CLI.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.21, < 7.0"
    }
  }
}

variable "cluster_arn" {
  description = "Cluster of the service."
  type        = string
}

variable "task_definition_arn" {
  description = "First revision; the pipeline writes the next ones."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the tasks."
  type        = set(string)
}

variable "security_group_ids" {
  description = "Security groups of the tasks."
  type        = set(string)
}

variable "target_group_arns" {
  description = "Two target groups with the same health check."
  type        = object({ blue = string, green = string })
}

variable "rule_arns" {
  description = "Listener rules that forward to both groups, each with ignore_changes = [action]."
  type        = object({ production = string, test = string })
}

variable "infrastructure_role_arn" {
  description = "Role with which ECS changes the rules."
  type        = string
}

variable "hook" {
  description = "Function that tests a revision, and the role with which ECS invokes it."
  type        = object({ function_arn = string, role_arn = string })
}

variable "alarm_names" {
  description = "Alarms that stop a deployment."
  type        = set(string)
}

variable "strategy" {
  description = "BLUE_GREEN, LINEAR or CANARY."
  type        = string
  default     = "CANARY"

  validation {
    condition     = contains(["BLUE_GREEN", "LINEAR", "CANARY"], var.strategy)
    error_message = "Name a strategy that shifts traffic: BLUE_GREEN, LINEAR or CANARY."
  }
}

resource "aws_ecs_service" "this" {
  name            = "shop"
  cluster         = var.cluster_arn
  desired_count   = 2
  launch_type     = "FARGATE"
  task_definition = var.task_definition_arn

  alarms {
    alarm_names = var.alarm_names
    enable      = true
    rollback    = true
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  deployment_configuration {
    strategy             = var.strategy
    bake_time_in_minutes = "10"

    dynamic "canary_configuration" {
      for_each = var.strategy == "CANARY" ? [1] : []

      content {
        canary_percent              = "10"
        canary_bake_time_in_minutes = "10"
      }
    }

    dynamic "linear_configuration" {
      for_each = var.strategy == "LINEAR" ? [1] : []

      content {
        step_percent              = "10"
        step_bake_time_in_minutes = "6"
      }
    }

    lifecycle_hook {
      hook_target_arn  = var.hook.function_arn
      role_arn         = var.hook.role_arn
      lifecycle_stages = ["POST_TEST_TRAFFIC_SHIFT"]
    }
  }

  load_balancer {
    container_name   = "app"
    container_port   = 8080
    target_group_arn = var.target_group_arns.blue

    advanced_configuration {
      alternate_target_group_arn = var.target_group_arns.green
      production_listener_rule   = var.rule_arns.production
      test_listener_rule         = var.rule_arns.test
      role_arn                   = var.infrastructure_role_arn
    }
  }

  network_configuration {
    security_groups = var.security_group_ids
    subnets         = var.subnet_ids
  }

  lifecycle {
    ignore_changes = [desired_count, task_definition]
  }
}
