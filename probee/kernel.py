"""Structs of the kernel that tools read: `from probee.kernel import TaskStruct`.

In: nothing. Out: `KernelStruct` classes with the members that tools share; a subclass adds more.
"""

from probee.lang.linux import (
    Atomic,
    CgroupNamespace,
    Dentry,
    FdTable,
    File,
    FilesStruct,
    FsStruct,
    Inode,
    IpcNamespace,
    MmStruct,
    MntNamespace,
    Mount,
    NsCommon,
    NsProxy,
    Path,
    PidNamespace,
    Qstr,
    SignalStruct,
    SuperBlock,
    TaskStruct,
    UtsNamespace,
    VfsMount,
)

__all__ = [
    "Atomic",
    "CgroupNamespace",
    "Dentry",
    "FdTable",
    "File",
    "FilesStruct",
    "FsStruct",
    "Inode",
    "IpcNamespace",
    "MmStruct",
    "MntNamespace",
    "Mount",
    "NsCommon",
    "NsProxy",
    "Path",
    "PidNamespace",
    "Qstr",
    "SignalStruct",
    "SuperBlock",
    "TaskStruct",
    "UtsNamespace",
    "VfsMount",
]
