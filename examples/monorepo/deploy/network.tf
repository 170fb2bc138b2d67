resource "aws_vpc" "shopfront" {
  cidr_block           = "172.20.0.0/20"
  enable_dns_hostnames = true
  tags                 = { Name = "shopfront" }
}

resource "aws_internet_gateway" "shopfront" {
  vpc_id = aws_vpc.shopfront.id
}

# Tasks have public addresses: cheap, and good enough behind a security group that lets the load balancer in alone.
resource "aws_subnet" "public" {
  for_each = { a = 0, b = 1 }

  vpc_id                  = aws_vpc.shopfront.id
  availability_zone       = "eu-west-1${each.key}"
  cidr_block              = cidrsubnet(aws_vpc.shopfront.cidr_block, 4, each.value)
  map_public_ip_on_launch = true
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.shopfront.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.shopfront.id
  }
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}

resource "aws_security_group" "entrance" {
  name   = "shopfront-entrance"
  vpc_id = aws_vpc.shopfront.id

  ingress {
    protocol    = "tcp"
    from_port   = 80
    to_port     = 80
    cidr_blocks = ["0.0.0.0/0"]
  }

  egress {
    protocol    = "tcp"
    from_port   = 9001
    to_port     = 9002
    cidr_blocks = [aws_vpc.shopfront.cidr_block]
  }
}

resource "aws_security_group" "tasks" {
  name   = "shopfront-tasks"
  vpc_id = aws_vpc.shopfront.id

  ingress {
    protocol        = "tcp"
    from_port       = 9001
    to_port         = 9002
    security_groups = [aws_security_group.entrance.id]
  }

  egress {
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["0.0.0.0/0"]
  }
}
