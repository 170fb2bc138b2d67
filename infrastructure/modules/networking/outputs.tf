output "endpoint_security_group_id" {
  description = "Security group of the interface endpoints."
  value       = aws_security_group.endpoints.id
}

output "interface_endpoint_ids" {
  description = "Interface endpoint IDs by service, such as ecr.api."
  value       = { for service, endpoint in aws_vpc_endpoint.interface : service => endpoint.id }
}

output "nat_gateway_ids" {
  description = "NAT gateway IDs by availability zone."
  value       = { for zone, gateway in aws_nat_gateway.this : zone => gateway.id }
}

output "private_route_table_ids" {
  description = "Private route table IDs by availability zone."
  value       = { for zone, table in aws_route_table.private : zone => table.id }
}

output "private_subnet_ids" {
  description = "Private subnet IDs by availability zone; available once their routes and endpoints exist."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }

  # A task started earlier could not pull its image.
  depends_on = [
    aws_route.private_nat,
    aws_route_table_association.private,
    aws_vpc_endpoint.interface,
    aws_vpc_endpoint.s3,
    aws_vpc_security_group_ingress_rule.endpoints_https,
  ]
}

output "public_route_table_id" {
  description = "Route table of the public subnets."
  value       = aws_route_table.public.id
}

output "public_subnet_ids" {
  description = "Public subnet IDs by availability zone; available once their route to the internet exists."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.id }

  depends_on = [
    aws_route.public_internet,
    aws_route_table_association.public,
  ]
}

output "s3_endpoint_id" {
  description = "Gateway endpoint for S3."
  value       = aws_vpc_endpoint.s3.id
}

output "vpc_cidr" {
  description = "IPv4 block of the VPC."
  value       = aws_vpc.this.cidr_block
}

output "vpc_id" {
  description = "ID of the VPC."
  value       = aws_vpc.this.id
}
