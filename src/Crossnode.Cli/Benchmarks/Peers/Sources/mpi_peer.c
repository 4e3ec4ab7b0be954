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

static void fill(void *memory, long count, int wide, int times, int plus)
{
    for (long i = 0, at = 0; i < count; i++, at = at == PERIOD - 1 ? 0 : at + 1) {
        if (wide)
            ((double *)memory)[i] = (double)(times * at + plus);
        else
            ((float *)memory)[i] = (float)(times * at + plus);
    }
}

static int holds(const void *memory, long count, int wide, int times, int plus)
{
    for (long i = 0, at = 0; i < count; i++, at = at == PERIOD - 1 ? 0 : at + 1) {
        double value = wide ? ((const double *)memory)[i] : (double)((const float *)memory)[i];
        if (value != (double)(times * at + plus))
            return 0;
    }
    return 1;
}

int main(int argc, char **argv)
{
    char path[4096], line[256], operation[32], type[8], place[8];
    void *source = NULL, *target = NULL;
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
        int reduces = !strcmp(operation, "all-reduce"), broadcasts = !strcmp(operation, "broadcast");
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
        fill(source, count, wide, 1, rank + 1);
        for (int i = 0; i < iterations; i++) {
            if (in_place || i == 0)
                memcpy(target, source, (size_t)bytes);
            MPI_Barrier(MPI_COMM_WORLD);
            double start = now();
            if (reduces)
                MPI_Allreduce(in_place ? MPI_IN_PLACE : source, target, (int)count, kind, MPI_SUM, MPI_COMM_WORLD);
            else if (broadcasts)
                MPI_Bcast(target, (int)count, kind, world - 1, MPI_COMM_WORLD);
            else
                MPI_Barrier(MPI_COMM_WORLD);
            seconds[i] = now() - start;
        }
        if (reduces ? !holds(target, count, wide, world, world * (world + 1) / 2)
            : broadcasts ? !holds(target, count, wide, 1, world) : 0)
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
