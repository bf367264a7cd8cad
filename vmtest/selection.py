"""Which tests run under each kernel, unless all are asked for.

In: nothing. Out: words for pytest. An emulated CPU is some twenty times slower than a real one, so
these are the ones that say most about a kernel: the tool's rows, what loading, maps, rings, links
and tracefs do there, then programs of each part of the language. Left out is what no kernel
decides, what repeats, and the long random runs, for which a few random programs stand.
"""

from __future__ import annotations

CHOSEN = {
    "opensnoop": ("test_every_way_to_open", "test_names_that_cannot_be_read[exit-only]"),
    "opensnoop_calls": ("test_openat2_with_more_than_it_knows[exit-only]",),
    # Each set of filters is compiled anew, which takes the emulator half a minute.
    "opensnoop_paths": ("test_prefixes[exit-only]",),
    "filters": ("test_a_cgroup_and_what_is_below_it[exit-only]",),
    "loader": (
        "test_what_was_loaded_is_told_by_the_kernel_as_it_was_meant",
        "test_test_runs_give_results_and_data",
        "test_a_refusal_names_the_python_line_and_keeps_the_log",
        "test_a_map_whose_types_are_refused_is_made_without",
    ),
    "links": (
        "test_hits_of_this_process_are_counted_exactly",
        "test_raw_tracepoints_fire_too",
        "test_no_kind_of_end_leaves_anything[kill]",
    ),
    "ring": ("test_rows_and_losses_are_all_events", "test_a_program_on_a_tracepoint"),
    "perf": ("test_each_record_comes_once", "test_a_full_buffer_is_counted"),
    "maps": (
        "test_a_hash_as_a_dict", "test_many_elements_come_once_each",
        "test_an_lru_hash_forgets", "test_a_per_cpu_array",
    ),
    "live_maps": (),
    "objects": ("test_so_is_opensnoop", "test_libbpf_sees_what_opensnoop_sees"),
    "object_contexts": ("test_every_field_is_found[task]", "test_what_is_found_is_what_happened"),
    "variables": ("test_a_program_sees_what_user_space_writes", "test_a_constant_is_read_only"),
    "stacks": ("test_a_kernel_stack_by_name", "test_the_user_stack_begins_at_the_system_call"),
    "hist": ("test_every_edge_falls_into_its_bucket", "test_a_histogram_for_each_key"),
    "print": (
        "test_text_of_the_context",
        "test_text_from_the_process_is_cut_as_it_is_everywhere",
        "test_pipes_beside_one_another_and_nothing_left",
    ),
    "host": (
        "test_all_elements_by_key_and_in_batches",
        "test_tracefs_needs_no_mount_and_leaves_none",
        "test_every_format_of_this_kernel_is_understood",
        "test_every_feature_has_an_answer_that_is_remembered",
    ),
    "btf": ("test_every_kind_loads", "test_all_lowerings_at_once_and_chosen_by_chance_load"),
    "refusals": ("test_a_bound_that_was_lost_is_told_with_the_line_that_lost_it",),
    "asm_kernel": ("test_dump",),
    "returns": ("test_decisions[0-1]", "test_decisions[0-4]"),
    "meaning_text": (),
    "meaning_maps": (),
    "meaning_structs": (),
    "meaning_atomics": (),
    "meaning_hist": (),
    "meaning_records": (),
    "kernel_structs": (),
    "kernel_members": (),
    "meaning": ("test_named_program",),
    "side_feature": ("test_json",),
    "side_links": (),
    "side_perf": ("test_show",),
}  # fmt: skip
EVERYTHING = ("tests/kernel",)
RANDOM_PROGRAMS = 20


def pytest_words(*, all: bool) -> list[str]:
    """Names of tests: of a file without any, the file."""
    if all:
        return list(EVERYTHING)
    return [
        name
        for file, tests in CHOSEN.items()
        for path in (f"tests/kernel/test_{file}.py",)
        for name in ([f"{path}::{test}" for test in tests] or [path])
    ]
