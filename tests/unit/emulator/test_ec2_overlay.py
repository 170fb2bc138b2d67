"""EC2 keeps what the substrate forgets."""

from __future__ import annotations

from typing import Any

from pushproof.emulator.world import World


def test_a_rule_that_references_a_group_keeps_its_description() -> None:
    """DescribeSecurityGroupRules shows a rule's description, for groups, prefix lists and CIDRs alike
    (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html).
    """
    with World.virtual() as world:
        ec2: Any = world.administrator("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        group, other = (ec2.create_security_group(GroupName=n, Description=n, VpcId=vpc)["GroupId"] for n in "ab")
        answer = ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[
                {
                    "IpProtocol": "tcp",
                    "FromPort": 8080,
                    "ToPort": 8080,
                    "UserIdGroupPairs": [{"GroupId": other, "Description": "from the load balancer"}],
                }
            ],
        )
        assert answer["SecurityGroupRules"][0]["Description"] == "from the load balancer"
        rule = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        found = ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule])["SecurityGroupRules"]
        assert [r["Description"] for r in found] == ["from the load balancer"]
