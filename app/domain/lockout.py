"""How often a sign-in may fail (登录失败处理): five times for an account from one address, fifty from the address.

The windows slide: what counts are the failures of the last quarter of an hour. Source: domain.md, GB/T 22239-2019.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many ``failures`` within that time."""

    failures: int
    within: timedelta


OF_ACCOUNT = Limit(5, timedelta(minutes=15))
"""Of one name from one address, whether there is such an account or not."""
OF_ADDRESS = Limit(50, timedelta(minutes=15))


def locked_until(failed_at: Sequence[datetime], limit: Limit, *, now: datetime) -> datetime | None:
    """When the next try is allowed, after failures at these instants (oldest first); None: it is allowed now."""
    if len(failed_at) < limit.failures:
        return None
    until = failed_at[-limit.failures] + limit.within
    return until if until > now else None


def with_failure(failed_at: Sequence[datetime], limit: Limit, *, now: datetime) -> list[datetime]:
    """The instants that still count after one more failure; never more than the limit."""
    return [*(at for at in failed_at if at + limit.within > now), now][-limit.failures :]


def network_of(address: str) -> str:
    """What one household or firm calls its own: an IPv4 address, the first 64 bits of an IPv6 one."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv6Address):
        if known.ipv4_mapped is not None:
            return str(known.ipv4_mapped)
        return str(ipaddress.ip_network((known, 64), strict=False))
    return str(known)
