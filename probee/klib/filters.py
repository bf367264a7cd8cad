"""The filters that every tool has, in one place: which tasks it is interested in.

In: `FILTER_OPTIONS` beside a tool's own options, and what the command line said. Out:
- for programs: `wanted(task_ids())`, to be called before anything else is done for an event;
- for the plan: `filtered(values, plan)`, which adds what makes `wanted()` say what was asked.

    TOOL = Tool(..., options=(*FILTER_OPTIONS, ...))

    def plan(values): return filtered(values, Plan((exit_open,), opens, consts))

All of them are decided in the kernel. What was not asked for leaves no code behind. Values of one
option are alternatives; different options must all hold.
"""

from __future__ import annotations

from probee.frame.tool import Plan
from probee.klib.cgroups import CGROUP_OPTIONS, cgroup_consts, cgroup_maps, cgroup_wanted
from probee.klib.tasks import TASK_OPTIONS, task_filters, task_ids, task_wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.frame.options import Values

__all__ = ["FILTER_OPTIONS", "filtered", "task_ids", "wanted"]

FILTER_OPTIONS = (*TASK_OPTIONS, *CGROUP_OPTIONS)


def wanted(ids: int) -> bool:
    """Whether the running task, whose `task_ids()` these are, is one of those asked for."""
    return task_wanted(ids) and cgroup_wanted()


# ------------------------------------------------------------------------------------ user side


def filtered(values: Values, plan: Plan) -> Plan:
    """The plan with what the shared filters need.

    Raises UsageError where the command line asks for too much, ProbeeError for somebody who is not
    there.
    """
    consts, fill = task_filters(values)
    more_consts, more_fill = cgroup_consts(values)
    return Plan(
        programs=plan.programs,
        ring=plan.ring,
        consts={**plan.consts, **consts, **more_consts},
        fill={**plan.fill, **fill, **more_fill},
        lost=plan.lost,
        keep=plan.keep,
        reuse={**plan.reuse, **cgroup_maps(values)},
    )
