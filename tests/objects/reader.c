// A program as a user of `probee build opensnoop --emit c-header` writes it, over libbpf.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "opensnoop.bpf.h"
#include "opensnoop.skel.h"

static int show(void *unused, void *data, size_t size)
{
	struct Open open = {};

	(void)unused;
	if (size > sizeof(open))
		return -1;
	memcpy(&open, data, size); // what was not sent is 0
	printf("%u %d %u %s\n", (unsigned)(open.ids >> 32), open.ret, open.unread, open.path);
	return 0;
}

int main(int count, char **words)
{
	struct opensnoop_bpf *object = opensnoop_bpf__open();
	struct ring_buffer *ring;
	char line[16];

	if (count != 2 || !object)
		return 2;
	object->rodata->one_pid = 1;
	object->rodata->only_pid = atoi(words[1]);
	if (opensnoop_bpf__load(object) || opensnoop_bpf__attach(object))
		return 3;
	ring = ring_buffer__new(bpf_map__fd(object->maps.opens), show, NULL, NULL);
	if (!ring)
		return 4;
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (ring_buffer__consume(ring) < 0)
			return 5;
		puts("seen");
		fflush(stdout);
	}
	ring_buffer__free(ring);
	opensnoop_bpf__destroy(object);
	return 0;
}
