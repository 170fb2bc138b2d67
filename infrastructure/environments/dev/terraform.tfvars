branch             = "develop"
cpu                = 256
desired_count      = 2
memory             = 512
single_nat_gateway = false
vpc_cidr           = "10.0.0.0/16"
zones              = ["a", "b"]
