/* The load that benchmarks trace: threads or processes that open and close one file.
 *
 * load WARM MEASURED CPU[,CPU...] [PROCESSES UID]
 * A thread on each of the CPUs; or so many processes of that user, wherever they run.
 * In, on standard input, a command a line:
 *   run N      each of them opens and closes MEASURED N times -> nanoseconds until the last is done
 *   go         one opens and closes WARM until the next line -> how often
 * Out: "ready PID", then an answer a line. Ends at end of input. Tasks that open WARM are named so,
 * those that open MEASURED likewise, for tracers that show no path.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 256

/* Shared with processes as with threads. */
struct shared {
	pthread_barrier_t start_line, finish_line;
	long rounds;
	double end[]; /* of each worker */
};

struct worker {
	pthread_t thread;
	int number;
	int cpu; /* -1: any */
};

static const char *warm, *measured;
static struct shared *shared;
static struct worker workers[MAX_THREADS];

static void fail(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void once(const char *file)
{
	int fd = open(file, O_RDONLY);

	if (fd < 0)
		fail(file);
	close(fd);
}

static void *work(void *argument)
{
	struct worker *self = argument;
	cpu_set_t set;

	prctl(PR_SET_NAME, "measured");
	if (self->cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET(self->cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			fail("cannot run on that CPU");
	}
	for (;;) {
		pthread_barrier_wait(&shared->start_line);
		for (long i = 0; i < shared->rounds; i++)
			once(measured);
		shared->end[self->number] = now();
		pthread_barrier_wait(&shared->finish_line);
	}
	return NULL;
}

static void share(int count)
{
	pthread_barrierattr_t attributes;

	shared = mmap(NULL, sizeof(*shared) + count * sizeof(double), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		fail("mmap");
	pthread_barrierattr_init(&attributes);
	pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->start_line, &attributes, count + 1);
	pthread_barrier_init(&shared->finish_line, &attributes, count + 1);
}

static int start_threads(char *cpus)
{
	int count = 0;

	for (char *cpu = strtok(cpus, ","); cpu && count < MAX_THREADS; cpu = strtok(NULL, ",")) {
		workers[count].number = count;
		workers[count++].cpu = atoi(cpu);
	}
	share(count);
	for (int i = 0; i < count; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			fail("pthread_create");
	return count;
}

static int start_processes(int count, int uid)
{
	pid_t parent = getpid();

	share(count);
	if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		fail("setresuid");
	for (int i = 0; i < count; i++) {
		struct worker self = { .number = i, .cpu = -1 };
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != parent)
				_exit(1);
			work(&self);
		}
	}
	return count;
}

static long until_a_line_comes(void)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };
	long opens = 0;

	do {
		for (int i = 0; i < 64; i++)
			once(warm);
		opens += 64;
	} while (poll(&in, 1, 0) == 0);
	return opens;
}

static double run(int count)
{
	double begin, last = 0;

	begin = now();
	pthread_barrier_wait(&shared->start_line);
	pthread_barrier_wait(&shared->finish_line);
	for (int i = 0; i < count; i++)
		if (shared->end[i] > last)
			last = shared->end[i];
	return last - begin;
}

int main(int argc, char **argv)
{
	char line[64];
	int count;

	if (argc != 4 && argc != 6)
		return 2;
	warm = argv[1];
	measured = argv[2];
	if (argc == 6)
		count = start_processes(atoi(argv[4]), atoi(argv[5]));
	else
		count = start_threads(argv[3]);
	prctl(PR_SET_NAME, "warm");
	setvbuf(stdin, NULL, _IONBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ready %d\n", getpid());
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "go\n")) {
			printf("%ld\n", until_a_line_comes());
			continue;
		}
		if (sscanf(line, "run %ld", &shared->rounds) != 1 || shared->rounds < 1)
			continue; /* the line that ended a `go` */
		printf("%.0f\n", run(count));
	}
	_exit(0);
}
