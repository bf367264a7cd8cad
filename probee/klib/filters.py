"""The filters that every tool has, in one place: which tasks it is interested in.

In: `FILTER_OPTIONS` beside a tool's own options, and what the command line said. Out:
- for programs: `wanted(task_ids())`, to be called before anything else is done for an event;
- for the plan: `filtered(values, plan)`, which adds what makes `wanted()` say what was asked, and
  the command behind `--`.

    TOOL = Tool(..., options=(*FILTER_OPTIONS, ...))

    def plan(values): return filtered(values, Plan((exit_open,), opens, consts))

All of them are decided in the kernel. What was not asked for leaves no code behind. Values of one
option are alternatives; different options must all hold.
"""

from __future__ import annotations

from probee.frame.tool import Plan
from probee.klib.cgroups import CGROUP_OPTIONS, cgroup_consts, cgroup_maps, cgroup_wanted
from probee.klib.follow import (
    FOLLOW_OPTIONS,
    FOLLOW_PROGRAMS,
    follow_consts,
    follow_descendants,
    follow_map,
    follow_wanted,
    follows,
)
from probee.klib.namespaces import MNTNS_OPTIONS, mntns_consts, mntns_maps, mntns_wanted
from probee.klib.tasks import TASK_OPTIONS, task_filters, task_ids, task_wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.frame.options import Values

__all__ = ["FILTER_OPTIONS", "filtered", "task_ids", "wanted"]

FILTER_OPTIONS = (*TASK_OPTIONS, *FOLLOW_OPTIONS, *CGROUP_OPTIONS, *MNTNS_OPTIONS)


def wanted(ids: int) -> bool:
    """Whether the running task, whose `task_ids()` these are, is one of those asked for."""
    return follow_wanted(ids) and task_wanted(ids) and cgroup_wanted() and mntns_wanted()


# ------------------------------------------------------------------------------------ user side


def filtered(values: Values, plan: Plan) -> Plan:
    """The plan with what the shared filters need.

    Raises UsageError where the command line asks for too much, ProbeeError for somebody who is not
    there.
    """
    following = follows(values)
    consts, fill = {**plan.consts}, {**plan.fill}
    for more_consts, more_fill in (
        task_filters(values, following=following), cgroup_consts(values), mntns_consts(values),
    ):  # fmt: skip
        consts |= more_consts
        fill |= more_fill
    if following:
        consts |= follow_consts()
        fill[follow_map()] = dict.fromkeys(values.pid, 1)
    return Plan(
        programs=(*FOLLOW_PROGRAMS, *plan.programs) if following else plan.programs,
        ring=plan.ring,
        consts=consts,
        fill=fill,
        lost=plan.lost,
        keep=plan.keep,
        reuse={**plan.reuse, **cgroup_maps(values), **mntns_maps(values)},
        command=values.behind,
        command_pid=follow_map() if following else None,
        attached=(lambda live: follow_descendants(live, values.pid)) if following else None,
    )
