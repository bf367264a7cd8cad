/* Data sections: the usual three, several of each by name, holes, alignment, arrays, strings. */
#include "bpf.h"

struct point {
	__s32 x, y;
	char name[6];
};

int plain = 1;
__u8 byte = 0xfe;
__u64 wide __attribute__((aligned(32))) = 0x0123456789abcdefULL;
struct point points[3] = { { 1, -1, "one" }, { 2, -2, "two" }, { 3, -3, "three" } };
static volatile __u16 inner = 0xbeef;

int zero;
__u64 zeroes[17];
static volatile char buffer[100];

const volatile __u32 only_pid = 0;
const volatile char prefix[16] = "/etc/";
static const volatile struct point origin = { 0, 0, "origin" };

int custom SEC(".data.custom") = 5;
int another SEC(".data.another") = 6;
__u64 another_too SEC(".data.another") = 7;
const volatile int frozen SEC(".rodata.custom") = 8;
const volatile int frozen_too SEC(".rodata.more") = 9;
int none SEC(".bss.custom");
__u64 none_too SEC(".bss.more");
__hidden int secret SEC(".data.custom") = 10;

SEC("raw_tp/sys_enter")
int touch(void *ctx)
{
	plain += byte + wide + points[zero & 1].x + inner;
	zeroes[zero & 15] += only_pid + prefix[3] + origin.y;
	buffer[0]++;
	custom += another + another_too + frozen + frozen_too + secret;
	none += none_too++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
