branch        = "main"
cpu           = 512
desired_count = 2
memory        = 1024
vpc_cidr      = "10.1.0.0/16"
zones         = ["a", "b"]
