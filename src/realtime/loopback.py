"""Whether a server can be reached from other machines."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a name or address to bind to means this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
