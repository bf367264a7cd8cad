"""The filters that every tool has, in one place: which tasks it is interested in.

In: `FILTER_OPTIONS` beside a tool's own options, and what the command line said. Out:
- for programs: `wanted(task_ids())`, to be called before anything else is done for an event;
- for the plan: `filtered(values, plan, ...)`, which adds what makes `wanted()` say what was asked,
  the command behind `--`, and what other filters of klib need.

    TOOL = Tool(..., options=(*FILTER_OPTIONS, ...))

    def plan(values): return filtered(values, Plan((exit_open,), opens), result_filter(values))

All of them are decided in the kernel. What was not asked for leaves no code behind. Values of one
option are alternatives; different options must all hold.
"""

from __future__ import annotations

from probee.frozen import replace
from probee.klib.cgroups import CGROUP_OPTIONS, cgroup_filter, cgroup_maps, cgroup_wanted
from probee.klib.follow import (
    FOLLOW_OPTIONS,
    FOLLOW_PROGRAMS,
    follow_consts,
    follow_descendants,
    follow_map,
    follow_wanted,
    follows,
)
from probee.klib.namespaces import MNTNS_OPTIONS, mntns_filter, mntns_maps, mntns_wanted
from probee.klib.tasks import TASK_OPTIONS, task_filter, task_ids, task_wanted, thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.frame.options import Values
    from probee.frame.tool import Plan
    from probee.klib.choices import Filter

__all__ = ["FILTER_OPTIONS", "filtered", "task_ids", "thread", "wanted"]

FILTER_OPTIONS = (*TASK_OPTIONS, *FOLLOW_OPTIONS, *CGROUP_OPTIONS, *MNTNS_OPTIONS)


def wanted(ids: int) -> bool:
    """Whether the running task, whose `task_ids()` these are, is one of those asked for."""
    return follow_wanted(ids) and task_wanted(ids) and cgroup_wanted() and mntns_wanted()


# ------------------------------------------------------------------------------------ user side


def filtered(values: Values, plan: Plan, *others: Filter) -> Plan:
    """The plan with what the shared filters need, and the others: constants and entries of maps.

    Raises UsageError where the command line asks for too much, ProbeeError for somebody who is not
    there.
    """
    following = follows(values)
    consts, fill = {**plan.consts}, {**plan.fill}
    shared = task_filter(values, following=following), cgroup_filter(values), mntns_filter(values)
    for more_consts, more_fill in (*others, *shared):
        consts |= more_consts
        fill |= more_fill
    plan = replace(
        plan,
        consts=consts,
        fill=fill,
        reuse={**plan.reuse, **cgroup_maps(values), **mntns_maps(values)},
        command=values.behind,
    )
    if not following:
        return plan
    return replace(
        plan,
        programs=(*FOLLOW_PROGRAMS, *plan.programs),
        consts=consts | follow_consts(),
        fill=fill | {follow_map(): dict.fromkeys(values.pid, 1)},
        command_pid=follow_map(),
        attached=lambda live: follow_descendants(live, values.pid),
    )
