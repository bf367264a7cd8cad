/* The load that benchmarks trace: threads, each pinned to a CPU, that open and close one file.
 *
 * load WARM MEASURED CPU[,CPU...]
 * In, on standard input, a command a line:
 *   run N      each thread opens and closes MEASURED N times -> nanoseconds a pair, of the slowest
 *   go         one thread opens and closes WARM until the next line -> how often
 * Out: "ready PID", then an answer a line. Ends at end of input.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 256

struct worker {
	pthread_t thread;
	int cpu;
	double ns;
};

static const char *warm, *measured;
static long rounds;
static pthread_barrier_t start_line, finish_line;
static struct worker workers[MAX_THREADS];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void once(const char *file)
{
	int fd = open(file, O_RDONLY);

	if (fd < 0) {
		fprintf(stderr, "load: %s: %s\n", file, strerror(errno));
		exit(1);
	}
	close(fd);
}

static void *work(void *argument)
{
	struct worker *self = argument;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(self->cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set)) {
		fprintf(stderr, "load: cannot run on CPU %d\n", self->cpu);
		exit(1);
	}
	for (;;) {
		double begin;

		pthread_barrier_wait(&start_line);
		begin = now();
		for (long i = 0; i < rounds; i++)
			once(measured);
		self->ns = (now() - begin) / rounds;
		pthread_barrier_wait(&finish_line);
	}
	return NULL;
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

int main(int argc, char **argv)
{
	char line[64];
	int count = 0;

	if (argc != 4)
		return 2;
	warm = argv[1];
	measured = argv[2];
	for (char *cpu = strtok(argv[3], ","); cpu && count < MAX_THREADS; cpu = strtok(NULL, ","))
		workers[count++].cpu = atoi(cpu);
	pthread_barrier_init(&start_line, NULL, count + 1);
	pthread_barrier_init(&finish_line, NULL, count + 1);
	for (int i = 0; i < count; i++)
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	setvbuf(stdin, NULL, _IONBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ready %d\n", getpid());
	while (fgets(line, sizeof(line), stdin)) {
		double slowest = 0;

		if (!strcmp(line, "go\n")) {
			printf("%ld\n", until_a_line_comes());
			continue;
		}
		if (sscanf(line, "run %ld", &rounds) != 1 || rounds < 1)
			continue; /* the line that ended a `go` */
		pthread_barrier_wait(&start_line);
		pthread_barrier_wait(&finish_line);
		for (int i = 0; i < count; i++)
			if (workers[i].ns > slowest)
				slowest = workers[i].ns;
		printf("%.1f\n", slowest);
	}
	_exit(0);
}
