"""Which container and which pod a cgroup belongs to, by its path alone: no daemon is asked.

In: the path of a cgroup. Out: `Container`, or None where it is part of none.

Runtimes put each container into a cgroup of its own, whose name holds the container's id:

    docker        /docker/ID, /system.slice/docker-ID.scope
    podman        /machine.slice/libpod-ID.scope, /libpod_parent/libpod-ID; a pod: libpod_pod_ID
    containerd    …/kubepods-burstable-podUID.slice/cri-containerd-ID.scope, …/podUID/ID,
                  nerdctl-ID.scope, /NAMESPACE/ID
    CRI-O         …/crio-ID.scope, …/podUID/crio-ID
    ECS           /ecs/TASK/ID, also where ID is 32 digits and a number (Fargate)
    LXC, LXD      /lxc.payload.NAME, /lxc/NAME
    nspawn        /machine.slice/machine-NAME.scope, /machine.slice/systemd-nspawn@NAME.service

The ids are 64 hexadecimal digits. Containers within containers: the innermost counts. What watches
a container from outside (conmon, lxc.monitor) lies in a cgroup beside it, and is part of none.
"""

from __future__ import annotations

from probee.frozen import Frozen

SHORT = 12  # digits of an id that people read
_ID = 64
_HEX = frozenset("0123456789abcdef")
_RUNTIMES = {"libpod": "podman", "cri-containerd": "containerd", "nerdctl": "containerd"}


class Container(Frozen):
    """`id`: 64 hexadecimal digits, or the name where the runtime has no ids. `cgroup`: its path.

    `runtime`: as far as the path tells it, or "". `pod_uid`: of the Kubernetes pod, or "".
    """

    id: str
    runtime: str
    cgroup: str
    pod_uid: str = ""

    @property
    def short(self) -> str:
        """The id as people read it."""
        return self.id[:SHORT] if _is_hex(self.id, _ID) else self.id


def container_of(path: str) -> Container | None:
    """The innermost container that the cgroup at `path` is of."""
    parts = path.strip("/").split("/")
    for at in range(len(parts) - 1, -1, -1):
        found = _named(parts, at)
        if found is not None:
            id, runtime = found
            return Container(id, runtime, "/" + "/".join(parts[: at + 1]), _pod(parts[:at]))
    return None


def _named(parts: list[str], at: int) -> tuple[str, str] | None:
    """Id and runtime, if this part of the path is the cgroup of a container itself."""
    name, above = parts[at], parts[at - 1] if at else ""
    bare = name.removesuffix(".scope")
    prefix, _, last = bare.rpartition("-")
    if _is_hex(last, _ID):
        if prefix.endswith("conmon"):
            return None
        runtime = prefix or above
        return last, _RUNTIMES.get(runtime, runtime if prefix or above == "docker" else "")
    if above and parts[0] == "ecs" and last.isdigit() and _is_hex(prefix, 32):
        return name, "ecs"
    if name.startswith("lxc.payload.") and len(name) > len("lxc.payload."):
        return name.removeprefix("lxc.payload."), "lxc"
    if above == "lxc":
        return name, "lxc"
    return _machine(name) if above == "machine.slice" else None


def _machine(name: str) -> tuple[str, str] | None:
    """systemd's machines: nspawn containers, not the virtual ones of libvirt (machine-qemu…)."""
    if name.startswith("systemd-nspawn@") and name.endswith(".service"):
        bare = name.removeprefix("systemd-nspawn@").removesuffix(".service")
    elif name.startswith("machine-") and name.endswith(".scope"):
        bare = name.removeprefix("machine-").removesuffix(".scope")
        if bare.startswith("qemu"):
            return None
    else:
        return None
    return _unescaped(bare), "nspawn"


def _unescaped(text: str) -> str:
    r"""A part of a systemd unit's name: `\x2d` is `-` (systemd.unit(5), string escaping)."""
    first, *rest = text.split("\\x")
    plain = [first]
    for part in rest:
        plain.append(chr(int(part[:2], 16)) + part[2:] if _is_hex(part[:2], 2) else f"\\x{part}")
    return "".join(plain)


def _pod(parts: list[str]) -> str:
    """The uid of the Kubernetes pod: `podUID`, or `kubepods-…-podUID.slice` with _ for -."""
    for part in reversed(parts):
        bare = part.removesuffix(".slice").rpartition("-pod")[2] if "kubepods" in part else part
        bare = bare.removeprefix("pod").replace("_", "-")
        digits = bare.replace("-", "")
        if _is_hex(digits, 32) and (part.startswith("pod") or "-pod" in part):
            return bare
    return ""


def _is_hex(text: str, length: int) -> bool:
    return len(text) == length and _HEX.issuperset(text)
