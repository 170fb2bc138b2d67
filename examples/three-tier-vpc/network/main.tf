locals {
  # Blocks of a twelfth of the VPC or less: tier by tier, zone by zone.
  tiers = ["public", "application", "data"]
  subnets = {
    for pair in setproduct(local.tiers, var.zones) : join("-", pair) => {
      tier = pair[0]
      zone = pair[1]
      cidr = cidrsubnet(var.cidr, 4, index(local.tiers, pair[0]) * length(var.zones) + index(var.zones, pair[1]))
    }
  }
}

resource "aws_vpc" "main" {
  cidr_block           = var.cidr
  enable_dns_hostnames = true

  tags = { Name = var.name }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_subnet" "main" {
  for_each = local.subnets

  vpc_id            = aws_vpc.main.id
  availability_zone = each.value.zone
  cidr_block        = each.value.cidr

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_eip" "nat" {
  for_each = toset(var.zones)

  domain     = "vpc"
  depends_on = [aws_internet_gateway.main]
}

resource "aws_nat_gateway" "main" {
  for_each = toset(var.zones)

  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.main["public-${each.key}"].id
}

# One table for the public tier, one a zone for applications, one without a way out for data.
resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
}

resource "aws_route_table" "application" {
  for_each = toset(var.zones)

  vpc_id = aws_vpc.main.id

  route {
    cidr_block     = "0.0.0.0/0"
    nat_gateway_id = aws_nat_gateway.main[each.key].id
  }
}

resource "aws_route_table" "data" {
  vpc_id = aws_vpc.main.id
}

resource "aws_route_table_association" "main" {
  for_each = local.subnets

  subnet_id = aws_subnet.main[each.key].id
  route_table_id = {
    public      = aws_route_table.public.id
    application = aws_route_table.application[each.value.zone].id
    data        = aws_route_table.data.id
  }[each.value.tier]
}
