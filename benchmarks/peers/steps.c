/* How many instructions some work of the C core takes, counted by single steps: exact, and for every
 * instruction set that the processor knows, which callgrind is not.
 *
 *     steps KERNEL nonces|lines COUNT
 *
 * The child stops itself before and after the work, and the parent counts the steps between. */

#define _GNU_SOURCE

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "medchain.h"

enum { LINE = 200, MOST = 4096 };

static int kernel_number(const char *name)
{
    for (int i = 0; i < medchain_kernel_count(); i++)
        if (strcmp(medchain_kernel_name(i), name) == 0)
            return i;
    return -1;
}

static int work(int kernel, const char *what, size_t count)
{
    static uint8_t header[112], text[MOST * (LINE + 1)], out[MOST * 32];
    uint64_t nonce;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % (LINE + 1) == LINE ? '\n' : (uint8_t)('a' + i % 7);
    int status = medchain_kernel_status(kernel);
    raise(SIGSTOP);
    if (status == MEDCHAIN_OK && strcmp(what, "nonces") == 0)
        status = medchain_mine(kernel, header, 0, count, 256, NULL, &nonce);
    else if (status == MEDCHAIN_OK)
        status = medchain_hash_lines(kernel, text, count * (LINE + 1), MEDCHAIN_NO_PREFIX, out,
                                     count * 32);
    raise(SIGSTOP);
    return status != MEDCHAIN_OK;
}

static int stopped(pid_t child, int *status)
{
    return waitpid(child, status, 0) == child && WIFSTOPPED(*status);
}

int main(int argc, char **argv)
{
    if (argc != 4 || atoi(argv[3]) > MOST)
        return 2;
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        _exit(work(kernel_number(argv[1]), argv[2], (size_t)atoi(argv[3])));
    }
    int status;
    long steps = 0;
    if (child < 0 || !stopped(child, &status))
        return 1;
    do {
        ptrace(PTRACE_SINGLESTEP, child, NULL, NULL);
        steps++;
    } while (stopped(child, &status) && WSTOPSIG(status) == SIGTRAP);
    ptrace(PTRACE_CONT, child, NULL, NULL);
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return 1;
    printf("%ld\n", steps);
    return 0;
}
