"""Histograms as data and as text: the layout is that of bcc's own samples (tools/*_example.txt)."""

from __future__ import annotations

import pytest

from probee.errors import UsageError
from probee.runtime.hist import Bucket, Histogram

# bcc's runqlat_example.txt
RUNQLAT = """\
     usecs               : count     distribution
         0 -> 1          : 233      |***********                             |
         2 -> 3          : 742      |************************************    |
         4 -> 7          : 203      |**********                              |
         8 -> 15         : 173      |********                                |
        16 -> 31         : 24       |*                                       |
        32 -> 63         : 0        |                                        |
        64 -> 127        : 30       |*                                       |
       128 -> 255        : 6        |                                        |
       256 -> 511        : 3        |                                        |
       512 -> 1023       : 5        |                                        |
      1024 -> 2047       : 27       |*                                       |
      2048 -> 4095       : 30       |*                                       |
      4096 -> 8191       : 20       |                                        |
      8192 -> 16383      : 29       |*                                       |
     16384 -> 32767      : 809      |****************************************|
     32768 -> 65535      : 64       |***                                     |"""
RUNQLAT_COUNTS = (233, 742, 203, 173, 24, 0, 30, 6, 3, 5, 27, 30, 20, 29, 809, 64)


def log2(*counts: int, below: int = 0) -> Histogram:
    return Histogram((below, *counts, *[0] * (64 - len(counts))))


def test_log2_as_bcc_prints_it() -> None:
    assert log2(*RUNQLAT_COUNTS).table("usecs") == RUNQLAT


def test_leading_zeroes_are_stripped_when_asked() -> None:
    text = log2(0, 0, 3, 0, 4).table("ns", strip=True)
    assert [line.split(":")[0].strip() for line in text.splitlines()] == [
        "ns", "4 -> 7", "8 -> 15", "16 -> 31",
    ]  # fmt: skip


def test_wide_numbers_take_wide_columns() -> None:
    lines = log2(1, *[0] * 31, 3).table("nsecs").splitlines()
    assert lines[0] == "               nsecs                         : count     distribution"
    assert (
        lines[1] == "                   0 -> 1                    : 1        |******              |"
    )
    assert (
        lines[-1]
        == "          4294967296 -> 8589934591           : 3        |********************|"
    )
    assert len(log2(*[1] * 32).table().splitlines()[1]) == len(RUNQLAT.splitlines()[1])


def test_linear_as_bcc_prints_it() -> None:
    counts = Histogram((0, 1, 0, 4, 0, 0, 0, 0, 0), (0, 5, 1))
    assert counts.table("queue") == (
        "     queue         : count     distribution\n"
        "        0          : 1        |**********                              |\n"
        "        1          : 0        |                                        |\n"
        "        2          : 4        |****************************************|"
    )


def test_what_no_bucket_took_has_rows_of_its_own() -> None:
    lines = log2(0, 4, below=2).table().splitlines()
    assert (
        lines[1] == "                 below 0 : 2        |********************                    |"
    )
    wide = Histogram((1, 0, 2, 3, 0, 0, 0, 0), (10, 30, 10))
    assert [line.split(" :")[0] for line in wide.table().splitlines()[1:]] == [
        "                below 10",
        "        10 -> 19        ",
        "        20 -> 29        ",
        "             30 and more",
    ]
    single = Histogram((1, 0, 2, 3), (-1, 1, 1))
    assert [line.split(" :")[0].strip() for line in single.table().splitlines()[1:]] == [
        "< -1", "-1", "0", ">= 1",
    ]  # fmt: skip


def test_nothing_counted_prints_nothing() -> None:
    assert log2().table() == ""
    assert log2().buckets() == []


def test_buckets_as_data() -> None:
    assert log2(1, 0, 2, below=5).buckets() == [
        Bucket(None, -1, 5), Bucket(0, 1, 1), Bucket(2, 3, 0), Bucket(4, 7, 2),
    ]  # fmt: skip
    assert log2(*[0] * 63, 1).buckets()[-1] == Bucket(1 << 63, (1 << 64) - 1, 1)
    # the last bucket ends where the range does
    assert Histogram((0, 0, 1, 7), (0, 15, 10)).buckets() == [
        Bucket(0, 9, 0), Bucket(10, 14, 1), Bucket(15, None, 7),
    ]  # fmt: skip


def test_what_came_between_two_reads() -> None:
    before, now = log2(1, 2), log2(1, 5, 1)
    assert now - before == log2(0, 3, 1)
    assert before + before == log2(2, 4)
    assert (now.total, before.total) == (7, 3)
    with pytest.raises(UsageError, match="different buckets"):
        _ = now - Histogram((1, 2, 3, 4), (0, 2, 1))
