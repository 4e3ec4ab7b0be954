/* A rank of MPI: waits for orders on a pipe of its own, answers with the median seconds of an operation. */
#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PERIOD 251

static int rank, world;
static char operation[32];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void fail(const char *why)
{
    fprintf(stderr, "rank %d %s\n", rank, why);
    MPI_Abort(MPI_COMM_WORLD, 3);
}

static void fill(void *memory, long count, int wide, int plus)
{
    for (long i = 0, at = 0; i < count; i++, at = at == PERIOD - 1 ? 0 : at + 1) {
        if (wide)
            ((double *)memory)[i] = (double)(at + plus);
        else
            ((float *)memory)[i] = (float)(at + plus);
    }
}

/* Whether memory holds a part of a sequence, from a place of it on. */
static int holds(const char *memory, long count, int wide, long start, int times, int plus)
{
    for (long i = 0, at = start % PERIOD; i < count; i++, at = at == PERIOD - 1 ? 0 : at + 1) {
        double value = wide ? ((const double *)memory)[i] : (double)((const float *)memory)[i];
        if (value != (double)(times * at + plus))
            return 0;
    }
    return 1;
}

static int is(const char *name)
{
    return !strcmp(operation, name);
}

/* Sources are the whole sequence of this rank, also where only its block is sent. To rank 0, or from the last one. */
static void run(char *source, char *target, int count, MPI_Datatype kind, int in_place)
{
    int last = world - 1, block = count / world, size;
    MPI_Type_size(kind, &size);
    char *whole = in_place ? target : source, *own = whole + (long)rank * block * size;
    int first_in_place = in_place && rank == 0;
    MPI_Comm all = MPI_COMM_WORLD;
    if (is("all-reduce"))
        MPI_Allreduce(in_place ? MPI_IN_PLACE : source, target, count, kind, MPI_SUM, all);
    else if (is("broadcast"))
        MPI_Bcast(target, count, kind, last, all);
    else if (is("reduce"))
        MPI_Reduce(first_in_place ? MPI_IN_PLACE : whole, target, count, kind, MPI_SUM, 0, all);
    else if (is("reduce-scatter"))
        MPI_Reduce_scatter_block(in_place ? MPI_IN_PLACE : source, target, block, kind, MPI_SUM, all);
    else if (is("all-gather"))
        MPI_Allgather(in_place ? MPI_IN_PLACE : own, block, kind, target, block, kind, all);
    else if (is("scatter"))
        MPI_Scatter(whole, block, kind, in_place && rank == last ? MPI_IN_PLACE : target, block, kind, last, all);
    else if (is("gather"))
        MPI_Gather(first_in_place ? MPI_IN_PLACE : own, block, kind, target, block, kind, 0, all);
    else if (is("all-to-all"))
        MPI_Alltoall(in_place ? MPI_IN_PLACE : source, block, kind, target, block, kind, all);
    else if (is("barrier"))
        MPI_Barrier(all);
    else if (rank == last)
        MPI_Send(target, count, kind, 0, 0, all);
    else if (rank == 0)
        MPI_Recv(target, count, kind, last, 0, all, MPI_STATUS_IGNORE);
}

static int is_right(const char *target, long count, int wide, int in_place)
{
    int sum = world * (world + 1) / 2, last = world - 1;
    long block = count / world, own = rank * block, size = wide ? 8 : 4;
    if (is("all-reduce") || (is("reduce") && rank == 0))
        return holds(target, count, wide, 0, world, sum);
    if (is("broadcast") || (is("send-receive") && rank == 0))
        return holds(target, count, wide, 0, 1, world);
    if (is("reduce-scatter"))
        return holds(target, block, wide, own, world, sum);
    if (is("scatter"))
        return holds(target + (in_place && rank == last ? own * size : 0), block, wide, own, 1, world);
    if (is("all-gather") || is("all-to-all") || (is("gather") && rank == 0))
        for (int from = 0; from < world; from++)
            if (!holds(target + from * block * size, block, wide, is("all-to-all") ? own : from * block, 1, from + 1))
                return 0;
    return 1;
}

int main(int argc, char **argv)
{
    char path[4096], line[256], type[8], place[8], *source = NULL, *target = NULL;
    long held = -1, bytes;
    int iterations;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &world);
    snprintf(path, sizeof path, "%s/%d", argc > 1 ? argv[1] : ".", rank);
    FILE *orders = fopen(path, "r");
    if (!orders)
        fail("has no pipe for orders");
    printf("ready %d %d\n", rank, (int)getpid());
    fflush(stdout);
    while (fgets(line, sizeof line, orders)
        && sscanf(line, "go %31s %7s %ld %d %7s", operation, type, &bytes, &iterations, place) == 5) {
        int wide = !strcmp(type, "f64"), in_place = !strcmp(place, "in");
        long count = bytes / (wide ? 8 : 4);
        MPI_Datatype kind = wide ? MPI_DOUBLE : MPI_FLOAT;
        double *seconds = malloc((size_t)iterations * sizeof *seconds);
        if (count > INT_MAX)
            fail("cannot take so many elements");
        if (held != bytes) {
            free(source);
            free(target);
            source = malloc((size_t)bytes + 64);
            target = malloc((size_t)bytes + 64);
            held = bytes;
        }
        if (!seconds || !source || !target)
            fail("has no memory for this size");
        fill(source, count, wide, rank + 1);
        for (int i = 0; i < iterations; i++) {
            if (in_place || i == 0)
                memcpy(target, source, (size_t)bytes);
            MPI_Barrier(MPI_COMM_WORLD);
            double start = now();
            run(source, target, (int)count, kind, in_place);
            seconds[i] = now() - start;
        }
        if (!is_right(target, count, wide, in_place))
            fail("holds a wrong result");
        /* Whoever waits for orders makes no progress in MPI: its last bytes must have left before, or another rank never ends. */
        MPI_Barrier(MPI_COMM_WORLD);
        MPI_Barrier(MPI_COMM_WORLD);
        qsort(seconds, (size_t)iterations, sizeof *seconds, ascending);
        int middle = iterations / 2;
        printf("took %d %.9g\n", rank, iterations % 2 ? seconds[middle] : (seconds[middle - 1] + seconds[middle]) / 2);
        fflush(stdout);
        free(seconds);
    }
    MPI_Finalize();
    return 0;
}
