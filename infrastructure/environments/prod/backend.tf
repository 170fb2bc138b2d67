# A backend is read in the directory Terraform runs in, and takes no variables: the rest of it is in backend.hcl
# (see backend.hcl.example), given with `terraform init -backend-config=backend.hcl`.
terraform {
  backend "s3" {}
}
