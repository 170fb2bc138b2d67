"""EC2's networks where the substrate is too kind, or forgets; instances and the rest are the substrate's."""

from pushproof.emulator.services.ec2.service import Ec2Service

__all__ = ["Ec2Service"]
