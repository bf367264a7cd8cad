"""ebpfcat: loads a program for a tracepoint that keeps the last caller's ids. It attaches none."""

from ebpfcat.arraymap import ArrayMap
from ebpfcat.bpf import ProgType
from ebpfcat.ebpf import EBPF, FuncId


class Enter(EBPF):
    license = "GPL"
    variables = ArrayMap()
    ids = variables.globalVar("Q")

    def program(self):
        self.r6 = self.r0  # where the variables are
        self.call(FuncId.get_current_pid_tgid)
        self.r7 = self.r0
        self.r0 = self.r6
        self.ids = self.r7
        self.r0 = 0
        self.exit()


program = Enter(prog_type=ProgType.TRACEPOINT)
program.load()
print("loaded")
