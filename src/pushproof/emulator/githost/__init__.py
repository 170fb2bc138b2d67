"""The git host that receives pushes."""
