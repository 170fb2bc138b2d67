/* A program that breaks a container on purpose. It needs no libc, so that it runs in every image, an empty one too.
 *
 *   breakage exit STATUS                 end at once
 *   breakage serve PORT STATUS SECONDS   answer every request with STATUS, SECONDS late
 *   breakage serve PORT STATUS SECONDS forwarded       only what came over a load balancer's listener; 200 to health checks
 *   breakage serve PORT STATUS SECONDS forwarded:PORT  only what came over the listener at that port
 *   breakage eat                         take memory until the kernel ends the process
 *
 * Built by `make` in this directory; x86_64 and aarch64.
 */
#include <linux/in.h>
#include <linux/poll.h>
#include <linux/signal.h>
#include <linux/socket.h>
#include <linux/time_types.h>
#include <sys/syscall.h>

#define AF_INET 2
#define SOCK_STREAM 1
#define SOCK_CLOEXEC 02000000
#define SOL_SOCKET 1
#define SO_REUSEADDR 2
#define PROT_READ_WRITE 3
#define MAP_PRIVATE_ANONYMOUS 0x22
#define MEGABYTE (1024L * 1024L)

static long call(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
#else
#error "only x86_64 and aarch64"
#endif
}

static void leave(long status) {
    for (;;) call(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

static long length(const char *text) {
    long count = 0;
    while (text[count]) count++;
    return count;
}

static void say(long file, const char *text) { call(SYS_write, file, (long)text, length(text), 0, 0, 0); }

static int same(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

static int starts(const char *text, const char *beginning) {
    while (*beginning && *text == *beginning) text++, beginning++;
    return !*beginning;
}

static long number(const char *text) {
    long value = 0;
    if (!*text) leave(64);
    for (; *text; text++) {
        if (*text < '0' || *text > '9') leave(64);
        value = value * 10 + (*text - '0');
    }
    return value;
}

static void rest(long seconds) {
    struct __kernel_timespec pause = {seconds, 0};
    if (seconds) call(SYS_nanosleep, (long)&pause, 0, 0, 0, 0, 0);
}

/* The port of the listener that a request came over (X-Forwarded-Port); 0 for one that came directly, as health checks do. */
static long listener_of(const char *request, long size) {
    static const char name[] = "\nx-forwarded-port:";
    for (long at = 0; at < size; at++) {
        long matched = 0;
        while (name[matched] && at + matched < size) {
            char letter = request[at + matched];
            if (letter >= 'A' && letter <= 'Z') letter = (char)(letter + 'a' - 'A');
            if (letter != name[matched]) break;
            matched++;
        }
        if (name[matched]) continue;
        long port = 0;
        at += matched;
        while (at < size && request[at] == ' ') at++;
        for (; at < size && request[at] >= '0' && request[at] <= '9'; at++) port = port * 10 + (request[at] - '0');
        return port;
    }
    return 0;
}

static void answer(long peer, const char *status, long seconds, const char *where) {
    char request[4096];
    long size = call(SYS_read, peer, (long)request, sizeof request, 0, 0, 0);
    if (starts(where, "forwarded")) {
        long port = listener_of(request, size);
        if (where[9] == ':' ? port != number(where + 10) : port == 0) status = "200";
    }
    rest(seconds);
    say(peer, "HTTP/1.1 ");
    say(peer, status);
    say(peer, " Broken on purpose\r\nContent-Type: text/plain\r\nContent-Length: 18\r\nConnection: close\r\n\r\nbroken on purpose\n");
    call(SYS_close, peer, 0, 0, 0, 0, 0);
}

static void serve(const char *port, const char *status, long seconds, const char *where) {
    long wanted = number(port), one = 1;
    /* The first process of a container has no default action for SIGTERM: it is read from a descriptor. */
    unsigned long mask = 1UL << (SIGTERM - 1);
    call(SYS_rt_sigprocmask, SIG_BLOCK, (long)&mask, 0, sizeof mask, 0, 0);
    long stop = call(SYS_signalfd4, -1, (long)&mask, sizeof mask, SOCK_CLOEXEC, 0, 0);
    long ended[4] = {1 /* SIG_IGN: children leave no zombies */, 0, 0, 0};
    call(SYS_rt_sigaction, SIGCHLD, (long)ended, 0, sizeof mask, 0, 0);

    struct sockaddr_in place = {0};
    place.sin_family = AF_INET;
    place.sin_port = (unsigned short)((wanted << 8 & 0xff00) | (wanted >> 8 & 0xff));
    long door = call(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    call(SYS_setsockopt, door, SOL_SOCKET, SO_REUSEADDR, (long)&one, sizeof(int), 0);
    if (call(SYS_bind, door, (long)&place, sizeof place, 0, 0, 0) || call(SYS_listen, door, 128, 0, 0, 0, 0)) {
        say(2, "breakage: the port cannot be listened on\n");
        leave(69);
    }
    for (;;) {
        struct pollfd ready[2] = {{(int)door, POLLIN, 0}, {(int)stop, POLLIN, 0}};
        if (call(SYS_ppoll, (long)ready, 2, 0, 0, 0, 0) < 0) continue;
        if (ready[1].revents) leave(0);
        if (!ready[0].revents) continue;
        long peer = call(SYS_accept, door, 0, 0, 0, 0, 0);
        if (peer < 0) continue;
        long child = call(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
        if (child == 0) {
            answer(peer, status, seconds, where);
            leave(0);
        }
        call(SYS_close, peer, 0, 0, 0, 0, 0);
    }
}

static void eat(void) {
    for (;;) {
        long block = call(SYS_mmap, 0, 8 * MEGABYTE, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
        if (block < 0 && block > -4096) leave(137);
        for (long at = 0; at < 8 * MEGABYTE; at += 4096) ((volatile char *)block)[at] = 1;
    }
}

__attribute__((used)) void begin(long *stack) {
    long count = stack[0];
    const char **arguments = (const char **)(stack + 1);
    /* A command of the task definition comes behind the arguments. */
    say(2, "This container is broken on purpose.\n");
    if (count >= 3 && same(arguments[1], "exit")) leave(number(arguments[2]));
    if (count >= 5 && same(arguments[1], "serve"))
        serve(arguments[2], arguments[3], number(arguments[4]), count >= 6 ? arguments[5] : "");
    if (count >= 2 && same(arguments[1], "eat")) eat();
    say(2, "usage: breakage exit STATUS | serve PORT STATUS SECONDS [forwarded[:LISTENER-PORT]] | eat\n");
    leave(64);
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start: xor %rbp, %rbp\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
#else
__asm__(".globl _start\n_start: mov x29, 0\n mov x0, sp\n bl begin\n");
#endif
