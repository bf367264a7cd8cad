/* The load of a long run: processes, threads and short-lived children that open in every way, and
 * count what they do. Linked statically, so that starting it opens nothing.
 *
 * load UID FOLDER SECONDS CORES WAYS
 * CORES: how much of a core it may use, over time. WAYS: 1 with io_uring and 32-bit calls, else 0.
 * Out: a JSON object. SIGTERM ends it early, and in order: it waits for all of its children.
 *
 * A cycle has phases of 1 to 1,000 processes. In each, every process first opens as fast as it can,
 * then now and then, so that all of them together keep to CORES.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STORM 100	    /* opens of each process at the beginning of a phase */
#define PHASE 15.0	    /* seconds, at most */
#define STACK (64 * 1024)
#define LONG_PATH 4000

static const int PROCESSES[] = { 1, 10, 100, 1000, 300, 30, 3 };

/* In memory that all processes share; a program that was started anew finds it by descriptor. */
struct shared {
	atomic_int stop;
	atomic_long forks;
	atomic_long counts[64];
	double rate; /* opens a second, of each process */
	double until;
	struct file_handle handle; /* of "plain", with its bytes behind it */
	unsigned char handle_bytes[128];
	int mount; /* of the folder */
};

static struct shared *shared;
static int shared_fd, all_ways;
static char *long_path, *low; /* `low`: a name that has an address of 32 bits */
static char long_name[256];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	fprintf(stderr, "soak: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Each kind opens once, and says what the call returned. */
static long plain_open(void) { return syscall(SYS_open, "plain", O_RDONLY); }
static long plain_openat(void) { return syscall(SYS_openat, AT_FDCWD, "plain", O_RDWR | O_CLOEXEC); }
static long plain_creat(void) { return syscall(SYS_creat, "made", 0640); }

static long openat2_(const char *path, __u64 flags, __u64 resolve, size_t size)
{
	struct open_how how = { .flags = flags, .resolve = resolve };

	return syscall(SYS_openat2, AT_FDCWD, path, &how, size);
}

static long plain_openat2(void) { return openat2_("plain", O_RDONLY, 0, sizeof(struct open_how)); }
static long openat2_beneath(void)
{
	return openat2_("../etc", O_RDONLY, RESOLVE_BENEATH, sizeof(struct open_how));
}
static long openat2_size(void) { return openat2_("plain", O_RDONLY, 0, 3); }
static long by_handle(void)
{
	return syscall(SYS_open_by_handle_at, AT_FDCWD, &shared->handle, O_RDONLY);
}
static long by_bad_handle(void)
{
	struct {
		struct file_handle head;
		unsigned char bytes[8];
	} bad = { .head = { .handle_bytes = 8, .handle_type = 250 } };

	return syscall(SYS_open_by_handle_at, AT_FDCWD, &bad, O_RDONLY);
}
static long absent(void) { return syscall(SYS_openat, AT_FDCWD, "absent", O_RDONLY); }
static long not_a_folder(void) { return syscall(SYS_openat, AT_FDCWD, "plain/x", O_RDONLY); }
static long a_folder(void) { return syscall(SYS_openat, AT_FDCWD, ".", O_WRONLY); }
static long folder(void) { return syscall(SYS_openat, AT_FDCWD, ".", O_RDONLY | O_DIRECTORY); }
static long a_link(void) { return syscall(SYS_openat, AT_FDCWD, "link", O_RDONLY); }
static long no_link(void) { return syscall(SYS_openat, AT_FDCWD, "link", O_RDONLY | O_NOFOLLOW); }
static long there(void)
{
	return syscall(SYS_openat, AT_FDCWD, "plain", O_WRONLY | O_CREAT | O_EXCL, 0600);
}
static long nowhere(void) { return syscall(SYS_openat, AT_FDCWD, (char *)8, O_RDONLY); }
static long bad_folder(void) { return syscall(SYS_openat, 9999, "plain", O_RDONLY); }
static long empty(void) { return syscall(SYS_openat, AT_FDCWD, "", O_RDONLY); }
static long unnamed(void) { return syscall(SYS_openat, AT_FDCWD, ".", O_TMPFILE | O_RDWR, 0600); }
static long only_path(void) { return syscall(SYS_openat, AT_FDCWD, "plain", O_PATH); }
static long long_component(void) { return syscall(SYS_openat, AT_FDCWD, long_name, O_RDONLY); }
static long many_components(void) { return syscall(SYS_openat, AT_FDCWD, long_path, O_RDONLY); }
static long too_long(void)
{
	char name[301];

	memset(name, 'n', 300);
	name[300] = 0;
	return syscall(SYS_openat, AT_FDCWD, name, O_RDONLY);
}
static long odd_bytes(void)
{
	return syscall(SYS_openat, AT_FDCWD, "a\nb\x1b[31m\xff\xe2\x80\xae\\", O_RDONLY);
}

/* A system call of a 32-bit program: open is number 5 there, openat 295. */
static long compat(long number, long a, long b, long c)
{
	long result;

	asm volatile("int $0x80"
		     : "=a"(result)
		     : "a"(number), "b"(a), "c"(b), "d"(c)
		     : "memory", "r8", "r9", "r10", "r11");
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}

static long compat_open(void) { return compat(5, (long)low, O_RDONLY, 0); }
static long compat_openat(void) { return compat(295, AT_FDCWD, (long)low, O_RDONLY); }

/* One ring for each process, made when it is first needed. */
static struct {
	pid_t owner;
	int fd;
	unsigned *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
} uring;

static void make_uring(void)
{
	struct io_uring_params p = {};
	char *rings;

	uring.fd = syscall(SYS_io_uring_setup, 4, &p);
	if (uring.fd < 0)
		fail("io_uring_setup");
	rings = mmap(NULL, p.sq_off.array + p.sq_entries * 4 + p.cq_off.cqes +
		     p.cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE,
		     MAP_SHARED, uring.fd, IORING_OFF_SQ_RING);
	uring.sqes = mmap(NULL, p.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
			  MAP_SHARED, uring.fd, IORING_OFF_SQES);
	if (rings == MAP_FAILED || uring.sqes == MAP_FAILED)
		fail("mmap of io_uring");
	uring.sq_tail = (unsigned *)(rings + p.sq_off.tail);
	uring.sq_mask = (unsigned *)(rings + p.sq_off.ring_mask);
	uring.sq_array = (unsigned *)(rings + p.sq_off.array);
	uring.cq_head = (unsigned *)(rings + p.cq_off.head);
	uring.cq_tail = (unsigned *)(rings + p.cq_off.tail);
	uring.cq_mask = (unsigned *)(rings + p.cq_off.ring_mask);
	uring.cqes = (struct io_uring_cqe *)(rings + p.cq_off.cqes);
	uring.owner = getpid();
}

static long by_uring(int code, const char *path, struct open_how *how)
{
	unsigned tail, slot;
	struct io_uring_sqe *sqe;
	long result;

	if (uring.owner != getpid())
		make_uring();
	tail = *uring.sq_tail;
	slot = tail & *uring.sq_mask;
	sqe = &uring.sqes[slot];
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = code;
	sqe->fd = AT_FDCWD;
	sqe->addr = (unsigned long)path;
	if (how) {
		sqe->len = sizeof(*how);
		sqe->off = (unsigned long)how;
	}
	uring.sq_array[slot] = slot;
	__atomic_store_n(uring.sq_tail, tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, uring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		fail("io_uring_enter");
	while (__atomic_load_n(uring.cq_tail, __ATOMIC_ACQUIRE) == *uring.cq_head)
		usleep(10);
	result = uring.cqes[*uring.cq_head & *uring.cq_mask].res;
	__atomic_store_n(uring.cq_head, *uring.cq_head + 1, __ATOMIC_RELEASE);
	return result;
}

static long uring_openat(void) { return by_uring(IORING_OP_OPENAT, "plain", NULL); }
static long uring_openat2(void)
{
	struct open_how how = { .flags = O_RDONLY };

	return by_uring(IORING_OP_OPENAT2, "plain", &how);
}
static long uring_absent(void) { return by_uring(IORING_OP_OPENAT, "absent", NULL); }

static const struct kind {
	const char *name;
	long (*open)(void);
	int succeeds, asked; /* `asked`: only where WAYS is 1 */
} KINDS[] = {
	{ "open", plain_open, 1, 0 },
	{ "openat", plain_openat, 1, 0 },
	{ "creat", plain_creat, 1, 0 },
	{ "openat2", plain_openat2, 1, 0 },
	{ "open_by_handle_at", by_handle, 1, 0 },
	{ "a bad handle", by_bad_handle, 0, 0 },
	{ "outside, beneath", openat2_beneath, 0, 0 },
	{ "a wrong size", openat2_size, 0, 0 },
	{ "absent", absent, 0, 0 },
	{ "below a file", not_a_folder, 0, 0 },
	{ "writing a folder", a_folder, 0, 0 },
	{ "a folder", folder, 1, 0 },
	{ "a link", a_link, 1, 0 },
	{ "no link", no_link, 0, 0 },
	{ "there already", there, 0, 0 },
	{ "a bad address", nowhere, 0, 0 },
	{ "a bad folder", bad_folder, 0, 0 },
	{ "no name", empty, 0, 0 },
	{ "O_TMPFILE", unnamed, 1, 0 },
	{ "O_PATH", only_path, 1, 0 },
	{ "255 bytes", long_component, 1, 0 },
	{ "4,000 bytes", many_components, 1, 0 },
	{ "too long", too_long, 0, 0 },
	{ "odd bytes", odd_bytes, 1, 0 },
	{ "32-bit open", compat_open, 1, 1 },
	{ "32-bit openat", compat_openat, 1, 1 },
	{ "io_uring openat", uring_openat, 1, 1 },
	{ "io_uring openat2", uring_openat2, 1, 1 },
	{ "io_uring absent", uring_absent, 0, 1 },
};
#define COUNT ((int)(sizeof(KINDS) / sizeof(KINDS[0])))

static void once(int number)
{
	const struct kind *kind = &KINDS[number];
	long fd;

	if (kind->asked && !all_ways)
		return;
	fd = kind->open();
	atomic_fetch_add(&shared->counts[number], 1);
	if ((fd >= 0) != kind->succeeds) {
		fprintf(stderr, "soak: %s: %ld, %s\n", kind->name, fd, strerror(errno));
		exit(1);
	}
	if (fd >= 0)
		close(fd);
}

static void *in_a_thread(void *unused)
{
	(void)unused;
	for (int i = 0; i < COUNT; i++)
		if (!KINDS[i].asked)
			once(i);
	return NULL;
}

static void threads(char *stacks)
{
	pthread_attr_t attributes;
	pthread_t made[4];

	for (int i = 0; i < 4; i++) {
		pthread_attr_init(&attributes);
		pthread_attr_setstack(&attributes, stacks + i * STACK, STACK);
		if (pthread_create(&made[i], &attributes, in_a_thread, NULL))
			fail("pthread_create");
	}
	for (int i = 0; i < 4; i++)
		pthread_join(made[i], NULL);
}

/* A child that opens once in each way and is gone; every other one is a program started anew. */
static void short_lived(int anew)
{
	char fd[16], ways[2] = { all_ways ? '1' : '0', 0 };
	pid_t pid;
	int status;

	snprintf(fd, sizeof(fd), "%d", shared_fd);
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		if (anew)
			execl("/proc/self/exe", "short", fd, ways, NULL);
		else
			for (int i = 0; i < COUNT; i++)
				once(i);
		_exit(0);
	}
	atomic_fetch_add(&shared->forks, 1);
	if (waitpid(pid, &status, 0) != pid || status)
		exit(1);
}

static void rest(double seconds)
{
	struct timespec t = { .tv_sec = seconds, .tv_nsec = (seconds - (long)seconds) * 1e9 };

	nanosleep(&t, NULL);
}

static void work(unsigned seed)
{
	char *stacks = mmap(NULL, 4 * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	double next;

	for (int i = 0; i < STORM; i++)
		once((seed + i) % COUNT);
	next = now() + (seed % 100) / 100.0; /* not all at once */
	while (!atomic_load(&shared->stop) && now() < shared->until) {
		double pause = next - now();

		if (pause > 0.2)
			pause = 0.2;
		if (pause > 0) {
			rest(pause);
			continue;
		}
		for (int i = 0; i < 16; i++)
			once(rand_r(&seed) % COUNT);
		if (rand_r(&seed) % 64 == 0)
			threads(stacks);
		if (rand_r(&seed) % 64 == 0)
			short_lived(rand_r(&seed) % 2);
		next += 16 / shared->rate;
		if (next < now() - 1)
			next = now();
	}
	_exit(0);
}

/* Runs a phase to its end; returns how many processes it started. */
static int phase(int count, unsigned seed)
{
	int status, failed = 0;

	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0)
			work(seed + i);
	}
	while (wait(&status) > 0)
		failed |= status;
	if (failed)
		exit(1);
	return count;
}

static double cpu_used(void)
{
	struct rusage children, self;

	getrusage(RUSAGE_CHILDREN, &children);
	getrusage(RUSAGE_SELF, &self);
	return children.ru_utime.tv_sec + children.ru_stime.tv_sec + self.ru_utime.tv_sec +
	       self.ru_stime.tv_sec + (children.ru_utime.tv_usec + children.ru_stime.tv_usec +
	       self.ru_utime.tv_usec + self.ru_stime.tv_usec) / 1e6;
}

static void stop(int number)
{
	(void)number;
	atomic_store(&shared->stop, 1);
}

/* Names and memory that opens need, in every process. */
static void prepare(void)
{
	memset(long_name, 'l', 255);
	long_path = malloc(LONG_PATH + 1);
	for (int i = 0; i < LONG_PATH; i += 2)
		memcpy(long_path + i, "./", 2);
	memcpy(long_path + LONG_PATH - 6, "/plain", 7);
	low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		fail("mmap");
	strcpy(low, "plain");
}

/* The files that are opened; made before anybody looks. */
static void make_files(const char *where)
{
	int mount;

	umask(0);
	if (chdir(where))
		fail(where);
	close(open("plain", O_CREAT | O_RDWR, 0666));
	close(open("made", O_CREAT | O_RDWR, 0666));
	close(open(long_name, O_CREAT | O_RDWR, 0666));
	close(open("a\nb\x1b[31m\xff\xe2\x80\xae\\", O_CREAT | O_RDWR, 0666));
	if (symlink("plain", "link") && errno != EEXIST)
		fail("symlink");
	shared->handle.handle_bytes = sizeof(shared->handle_bytes);
	if (name_to_handle_at(AT_FDCWD, "plain", &shared->handle, &mount, 0))
		fail("name_to_handle_at");
}

int main(int argc, char **argv)
{
	double begin, end, cores, total = 20000;
	unsigned long processes = 0;
	const char *comma = "";

	shared_fd = argc == 3 ? atoi(argv[1]) : memfd_create("soak", 0);
	if (argc != 3 && (argc != 6 || ftruncate(shared_fd, sizeof(*shared))))
		return 2;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, shared_fd, 0);
	if (shared == MAP_FAILED)
		fail("mmap");
	all_ways = atoi(argv[argc - 1]);
	prepare();
	if (argc == 3) {
		for (int i = 0; i < COUNT; i++)
			if (KINDS[i].open != by_handle) /* exec took the capability */
				once(i);
		return 0;
	}
	make_files(argv[2]);
	cores = atof(argv[4]);
	/* The user changes, what it may do does not: open_by_handle_at needs a capability. */
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) ||
	    setresuid(atoi(argv[1]), atoi(argv[1]), atoi(argv[1])))
		fail("setresuid");
	signal(SIGTERM, stop);
	begin = now();
	end = begin + atof(argv[3]);
	for (int i = 0; !atomic_load(&shared->stop) && now() < end; i++) {
		int count = PROCESSES[i % (sizeof(PROCESSES) / sizeof(PROCESSES[0]))];
		double used = cpu_used(), at = now(), share;

		shared->rate = total / count;
		shared->until = now() + PHASE < end ? now() + PHASE : end;
		processes += phase(count, i * 1000);
		share = (cpu_used() - used) / (now() - at) / cores;
		total *= share > 2 ? 0.5 : share < 0.5 ? 2 : 1 / share;
	}
	printf("{\"seconds\": %.3f, \"cpu\": %.3f, \"processes\": %lu, \"kinds\": {", now() - begin,
	       cpu_used(), processes + atomic_load(&shared->forks));
	for (int i = 0; i < COUNT; i++) {
		if (KINDS[i].asked && !all_ways)
			continue;
		printf("%s\"%s\": %ld", comma, KINDS[i].name, atomic_load(&shared->counts[i]));
		comma = ", ";
	}
	printf("}}\n");
	return 0;
}
