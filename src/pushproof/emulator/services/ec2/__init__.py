"""EC2's networks, where the substrate accepts too much or drops something; the substrate answers the rest, such as instances."""

from pushproof.emulator.services.ec2.service import Ec2Service

__all__ = ["Ec2Service"]
