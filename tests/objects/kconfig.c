/* Externs of the kernel's configuration: every type that libbpf fills in, strong and weak. */
#include "bpf.h"

extern int LINUX_KERNEL_VERSION __kconfig;
extern bool LINUX_HAS_BPF_COOKIE __kconfig __weak;
extern bool CONFIG_BPF_SYSCALL __kconfig;
extern enum libbpf_tristate CONFIG_IKCONFIG __kconfig __weak;
extern char CONFIG_MODULES __kconfig __weak;
extern __u8 CONFIG_U8 __kconfig __weak;
extern __u16 CONFIG_U16 __kconfig __weak;
extern __s16 CONFIG_S16 __kconfig __weak;
extern __u32 CONFIG_HZ __kconfig;
extern __s64 CONFIG_S64 __kconfig __weak;
extern unsigned long CONFIG_PANIC_TIMEOUT __kconfig __weak;
extern char CONFIG_DEFAULT_HOSTNAME[16] __kconfig __weak;
extern const char CONFIG_CC_VERSION_TEXT[64] __kconfig __weak;

__u64 out;

SEC("raw_tp/sys_enter")
int look(void *ctx)
{
	out = LINUX_KERNEL_VERSION + CONFIG_BPF_SYSCALL + CONFIG_U8 + CONFIG_U16 + CONFIG_HZ;
	if (LINUX_HAS_BPF_COOKIE)
		out += CONFIG_IKCONFIG == TRI_YES;
	out += CONFIG_MODULES == 'y' ? CONFIG_S16 : CONFIG_S64;
	out += CONFIG_PANIC_TIMEOUT + CONFIG_DEFAULT_HOSTNAME[0] + CONFIG_CC_VERSION_TEXT[5];
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
