/* The other side of the measurements: thousands of SNMP agents in one cheap process, for what it costs is not counted.
 *
 *   cc -O2 -o agent agent.c -lpthread -l:libcrypto.so.3
 *   agent PORTS MOST ENGINE_ID AUTH_KEY PRIV_KEY LOSS SLOW_FIRST SLOW_LAST SLOW_MS
 *
 * Listens on 0.0.0.0 (whatever address of 127/8 is asked answers), prints its UDP port, dies with its parent. Knows GET,
 * GETNEXT and GETBULK by v2c, any community, and by v3 authPriv (SHA-1, AES-128) of one user. ENGINE_ID and keys (localised)
 * are hexadecimal. MOST bounds the values of one GETBULK. LOSS: that share (%) of the questions is lost. Addresses from
 * SLOW_FIRST to SLOW_LAST (dotted; 0.0.0.0 for none) take SLOW_MS for an answer.
 * The MIB: system, an ifTable and ifXTable of PORTS rows; each answer has other counters than the one before, those of
 * column 16 with sizes that change all the time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, SIZE = 4096, ARCS = 40, MOST_VARS = 128, LATE = 8192 };
typedef unsigned char u8;

/* libcrypto's, declared here: its headers are seldom installed. */
void *EVP_sha1(void), *EVP_aes_128_cfb128(void), *EVP_CIPHER_CTX_new(void);
u8 *HMAC(const void *, const void *, int, const u8 *, size_t, u8 *, unsigned *);
int EVP_CipherInit_ex(void *, const void *, void *, const u8 *, const u8 *, int);
int EVP_CipherUpdate(void *, u8 *, int *, const u8 *, int);

typedef struct { int n; uint32_t arc[ARCS]; } Oid;
typedef struct { Oid name; u8 body[ARCS * 5]; int size; u8 tag; int column; uint32_t row; } Object;

static Object *mib;
static int objects, most;
static u8 engine[32], auth_key[32], priv_key[32];
static int engine_size;
static void *cipher;
static uint32_t answers;
static struct timespec start;

static int hex(const char *text, u8 *out) {
    int n = strlen(text) / 2;
    for (int i = 0; i < n; i++) sscanf(text + 2 * i, "%2hhx", out + i);
    return n;
}

/* ---------------------------------------------------------------- BER */

static const u8 *head(const u8 *at, const u8 *end, int *tag, int *size) {
    if (at + 2 > end) return 0;
    *tag = *at++;
    int n = *at++;
    if (n & 0x80) {
        int octets = n & 0x7f;
        if (octets > 3 || at + octets > end) return 0;
        for (n = 0; octets--;) n = n << 8 | *at++;
    }
    *size = n;
    return at + n <= end ? at : 0;
}

static const u8 *number(const u8 *at, const u8 *end, int64_t *value) {
    int tag, size;
    at = head(at, end, &tag, &size);
    if (!at || tag != 2 || size > 5 || size < 1) return 0;
    *value = (int8_t)*at++;
    while (--size) *value = *value << 8 | *at++;
    return at;
}

/* Written from the end to the start, so that every length is known when its turn comes. */
static u8 *wrap(u8 *at, u8 *end, int tag) {
    unsigned n = end - at;
    if (n < 0x80) *--at = n;
    else if (n < 0x100) *--at = n, *--at = 0x81;
    else *--at = n, *--at = n >> 8, *--at = 0x82;
    *--at = tag;
    return at;
}

static u8 *copy(u8 *at, const void *from, int size) { return memcpy(at - size, from, size); }

static u8 *integer(u8 *at, int tag, uint32_t value) {
    u8 *end = at;
    do *--at = value; while (value >>= 8);
    if (*at & 0x80) *--at = 0;
    return wrap(at, end, tag);
}

static int name_of(const u8 *at, int size, Oid *out) {
    uint32_t value = 0;
    out->n = 0;
    for (int i = 0; i < size; i++) {
        value = value << 7 | (at[i] & 0x7f);
        if (at[i] & 0x80) continue;
        if (out->n == ARCS) return 0;
        if (!out->n) out->arc[out->n++] = value < 80 ? value / 40 : 2, value -= 40 * out->arc[0];
        out->arc[out->n++] = value;
        value = 0;
    }
    return 1;
}

static int compare(const Oid *a, const Oid *b) {
    for (int i = 0; i < a->n && i < b->n; i++)
        if (a->arc[i] != b->arc[i]) return a->arc[i] < b->arc[i] ? -1 : 1;
    return a->n - b->n;
}

/* ---------------------------------------------------------------- the MIB */

static void add(const char *prefix, int column, uint32_t row, int tag) {
    Object *o = &mib[objects++];
    char text[200];
    snprintf(text, sizeof text, "%s", prefix);
    for (char *part = strtok(text, "."); part; part = strtok(0, ".")) o->name.arc[o->name.n++] = atoi(part);
    if (column) o->name.arc[o->name.n++] = column;
    o->name.arc[o->name.n++] = row;
    o->tag = tag, o->column = column, o->row = row;
    o->body[o->size++] = o->name.arc[0] * 40 + o->name.arc[1];
    for (int i = 2; i < o->name.n; i++) {
        uint32_t arc = o->name.arc[i];
        for (int shift = 28; shift; shift -= 7)
            if (arc >> shift) o->body[o->size++] = 0x80 | (arc >> shift & 0x7f);
        o->body[o->size++] = arc & 0x7f;
    }
}

static void build(int ports) {
    static const int tags[] = {0, 2, 4, 2, 2, 0x42, 4, 2, 2, 0x43, 0x41, 0x41, 0x41, 0x41, 0x41, 0x41, 0x41, 0x41};
    mib = calloc(8 + 18 * ports, sizeof *mib);
    add("1.3.6.1.2.1.1.1", 0, 0, 4);
    add("1.3.6.1.2.1.1.2", 0, 0, 6);
    add("1.3.6.1.2.1.1.3", 0, 0, 0x43);
    add("1.3.6.1.2.1.1.5", 0, 0, 4);
    for (int c = 1; c < 18; c++)
        for (int row = 1; row <= ports; row++) add("1.3.6.1.2.1.2.2.1", c, row, tags[c]);
    for (int row = 1; row <= ports; row++) add("1.3.6.1.2.1.31.1.1.1", 1, row, 4);
}

static uint32_t uptime(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 100000000 + (now.tv_sec - start.tv_sec) * 100 + (now.tv_nsec - start.tv_nsec) / 10000000;
}

static u8 *value(u8 *at, const Object *o) {
    char text[40];
    u8 *end = at;
    switch (o->tag) {
        case 2: return integer(at, 2, o->column == 1 ? o->row : 1); /* up, everything is up */
        case 4:
            at = copy(at, text, o->column ? sprintf(text, "GigabitEthernet0/0/%u", o->row) : sprintf(text, "an agent"));
            return wrap(at, end, 4);
        case 6: return wrap(copy(at, "\x2b\x06\x01\x04\x01\x81\x93\x66\x01", 9), end, 6);
        case 0x42: return integer(at, 0x42, 1000000000);
        case 0x43: return integer(at, 0x43, o->column ? 0 : uptime());
    }
    return integer(at, o->tag, o->row * 2654435761u + answers * (o->column == 16 ? 2654435769u : 1));
}

static u8 *bound(u8 *at, const Object *o) {
    u8 *end = at;
    at = value(at, o);
    u8 *after = at;
    return wrap(wrap(copy(at, o->body, o->size), after, 6), end, 0x30);
}

static u8 *nothing(u8 *at, const u8 *name, int size, int tag) {
    u8 *end = at;
    *--at = 0, *--at = tag;
    u8 *after = at;
    return wrap(wrap(copy(at, name, size), after, 6), end, 0x30);
}

/* The answer to a request PDU, written so that it ends at `end`; 0 when it is none. */
static u8 *answer(const u8 *at, const u8 *stop, u8 *end) {
    int tag, size, n = 0;
    int64_t id, first, second;
    const u8 *names[MOST_VARS];
    int sizes[MOST_VARS];
    at = head(at, stop, &tag, &size);
    if (!at || (tag != 0xa0 && tag != 0xa1 && tag != 0xa5)) return 0;
    int kind = tag;
    const u8 *id_at = at;
    if (!(at = number(at, stop, &id))) return 0;
    const u8 *id_end = at;
    if (!(at = number(at, stop, &first)) || !(at = number(at, stop, &second))) return 0;
    if (!(at = head(at, stop, &tag, &size))) return 0;
    stop = at + size; /* behind it may be what a cipher was padded with */
    while (at < stop && n < MOST_VARS) {
        const u8 *inner = head(at, stop, &tag, &size);
        if (!inner) return 0;
        at = inner + size;
        if (!(inner = head(inner, at, &tag, &size)) || tag != 6) return 0;
        names[n] = inner, sizes[n++] = size;
    }
    answers++;
    const Object *list[1024];
    const u8 *lost[1024];
    int length[1024], count = 0, rounds = 1, limit = most < 1024 ? most : 1024;
    if (kind == 0xa5) rounds = second; else limit = 1024;
    static int last[MOST_VARS];
    for (int r = 0; r < rounds && count < limit; r++)
        for (int i = 0; i < n && count < limit; i++, count++) {
            int low = 0, high = objects;
            if (r) low = last[i] + 1;
            else {
                Oid name;
                if (!name_of(names[i], sizes[i], &name)) return 0;
                while (low < high) {
                    int middle = (low + high) / 2;
                    if (compare(&mib[middle].name, &name) < 0) low = middle + 1; else high = middle;
                }
                int same = low < objects && !compare(&mib[low].name, &name);
                if (kind == 0xa0 && !same) low = objects;
                else if (kind != 0xa0) low += same;
            }
            if (low > objects) low = objects;
            last[i] = low;
            list[count] = low < objects ? &mib[low] : 0;
            lost[count] = r && low == objects && last[i] ? mib[objects - 1].body : names[i];
            length[count] = r && low == objects ? mib[objects - 1].size : sizes[i];
        }
    u8 *out = end;
    while (count--)
        out = list[count] ? bound(out, list[count]) : nothing(out, lost[count], length[count], kind == 0xa0 ? 0x80 : 0x82);
    out = wrap(out, end, 0x30);
    out = copy(out, "\x02\x01\x00\x02\x01\x00", 6);
    out = copy(out, id_at, id_end - id_at);
    return wrap(out, end, 0xa2);
}

/* ---------------------------------------------------------------- v3 */

static void scramble(int encrypt, const u8 *salt, uint32_t boots, uint32_t seconds, const u8 *from, int size, u8 *to) {
    u8 iv[16] = {boots >> 24, boots >> 16, boots >> 8, boots, seconds >> 24, seconds >> 16, seconds >> 8, seconds};
    int done;
    memcpy(iv + 8, salt, 8);
    EVP_CipherInit_ex(cipher, EVP_aes_128_cfb128(), 0, priv_key, iv, encrypt);
    EVP_CipherUpdate(cipher, to, &done, from, size);
}

static u8 *answer_v3(const u8 *at, const u8 *stop, u8 *end) {
    static uint64_t salts;
    static u8 plain[SIZE];
    int tag, size, user_size;
    int64_t id, skip, boots, seconds;
    const u8 *header = head(at, stop, &tag, &size);
    if (!header) return 0;
    at = header + size;
    if (!(header = number(header, at, &id)) || !(header = number(header, at, &skip))) return 0;
    int flags = header[2];
    if (!(at = head(at, stop, &tag, &size))) return 0;
    const u8 *data = at + size;
    const u8 *security = head(at, stop, &tag, &size), *user, *salt;
    if (!security || !(at = head(security, stop, &tag, &size))) return 0;
    int asked = size;
    if (!(at = number(at + size, stop, &boots)) || !(at = number(at, stop, &seconds))) return 0;
    if (!(user = head(at, stop, &tag, &user_size))) return 0;
    if (!(at = head(user + user_size, stop, &tag, &size))) return 0;
    if (!(salt = head(at + size, stop, &tag, &size))) return 0;
    u8 *out = end, *digest = 0, fresh[8];
    uint32_t now = uptime() / 100;
    int secured = asked && (flags & 3) == 3;
    if (secured) {
        if (size != 8 || !(data = head(data, stop, &tag, &size)) || size > SIZE) return 0;
        scramble(0, salt, boots, seconds, data, size, plain);
        const u8 *last = plain + size;
        if (!(at = head(plain, last, &tag, &size)) || !(at = head(at, last, &tag, &size))) return 0;
        if (!(at = head(at + size, last, &tag, &size))) return 0;
        out = answer(at + size, last, end);
    } else { /* who are you? usmStatsUnknownEngineIDs */
        u8 *stat = integer(out, 0x41, 1);
        u8 *mark = stat;
        stat = wrap(wrap(copy(stat, "\x2b\x06\x01\x06\x03\x0f\x01\x01\x04\x00", 10), mark, 6), end, 0x30);
        stat = wrap(stat, end, 0x30);
        out = wrap(copy(stat, "\x02\x01\x00\x02\x01\x00\x02\x01\x00", 9), end, 0xa8);
    }
    if (!out) return 0;
    u8 *mark = out;
    *--out = 0, *--out = 4;
    mark = out;
    out = wrap(wrap(copy(out, engine, engine_size), mark, 4), end, 0x30);
    if (secured) {
        salts++;
        memcpy(fresh, &salts, 8);
        scramble(1, fresh, 1, now, out, end - out, out);
        out = wrap(out, end, 4);
    }
    mark = out;
    if (secured) out = copy(out, fresh, 8);
    out = wrap(out, mark, 4);
    u8 *after = out;
    if (secured) digest = out = memset(out - 12, 0, 12);
    out = wrap(out, after, 4);
    u8 *named = out;
    if (secured) out = copy(out, user, user_size);
    out = wrap(out, named, 4);
    out = integer(integer(out, 2, now), 2, 1);
    u8 *whose = out;
    out = wrap(copy(out, engine, engine_size), whose, 4);
    out = wrap(wrap(out, mark, 0x30), mark, 4);
    u8 *top = out;
    out = copy(out, "\x02\x01\x03", 3);
    *--out = secured ? 3 : 0, *--out = 1, *--out = 4;
    out = wrap(integer(integer(out, 2, 65507), 2, id), top, 0x30);
    out = wrap(copy(out, "\x02\x01\x03", 3), end, 0x30);
    if (digest) {
        u8 sum[20];
        HMAC(EVP_sha1(), auth_key, 20, out, end - out, sum, 0);
        memcpy(digest, sum, 12);
    }
    return out;
}

static u8 *reply(const u8 *data, int size, u8 *end) {
    int tag, length;
    int64_t version;
    const u8 *stop = data + size, *at = head(data, stop, &tag, &length);
    if (!at || !(at = number(at, stop, &version))) return 0;
    if (version == 3) return answer_v3(at, stop, end);
    const u8 *community = at;
    if (!(at = head(at, stop, &tag, &length))) return 0;
    at += length;
    u8 *out = answer(at, stop, end);
    return out ? wrap(copy(copy(out, community, at - community), "\x02\x01\x01", 3), end, 0x30) : 0;
}

/* ---------------------------------------------------------------- sockets */

typedef struct { int64_t due; struct sockaddr_in peer; char control[64]; int control_size, size; u8 data[SIZE]; } Late;

static int64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static uint32_t asked_address(struct msghdr *message) {
    struct cmsghdr *c = CMSG_FIRSTHDR(message);
    return c ? ntohl(((struct in_pktinfo *)CMSG_DATA(c))->ipi_addr.s_addr) : 0;
}

int main(int argc, char **argv) {
    if (argc != 10) return 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    clock_gettime(CLOCK_MONOTONIC, &start);
    build(atoi(argv[1]));
    most = atoi(argv[2]);
    engine_size = hex(argv[3], engine), hex(argv[4], auth_key), hex(argv[5], priv_key);
    double loss = atof(argv[6]) / 100;
    uint32_t slow_first = ntohl(inet_addr(argv[7])), slow_last = ntohl(inet_addr(argv[8]));
    int slow_ms = atoi(argv[9]);
    cipher = EVP_CIPHER_CTX_new();
    int sock = socket(AF_INET, SOCK_DGRAM, 0), yes = 1, room = 64 << 20;
    setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    setsockopt(sock, IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes);
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t here_size = sizeof here;
    if (bind(sock, (void *)&here, sizeof here)) return 1;
    getsockname(sock, (void *)&here, &here_size);
    printf("%d\n", ntohs(here.sin_port));
    fflush(stdout);

    static u8 in[BATCH][SIZE], out[BATCH][SIZE];
    static char control[BATCH][64];
    static struct sockaddr_in peers[BATCH];
    static Late late[LATE]; /* in order by itself: all wait equally long */
    unsigned first = 0, next = 0;
    struct mmsghdr messages[BATCH], replies[BATCH];
    struct iovec in_at[BATCH], out_at[BATCH];
    for (;;) {
        while (first != next && late[first % LATE].due <= milliseconds()) {
            Late *l = &late[first++ % LATE];
            struct iovec v = {l->data, l->size};
            struct msghdr m = {&l->peer, sizeof l->peer, &v, 1, l->control, l->control_size, 0};
            sendmsg(sock, &m, 0);
        }
        if (first != next) {
            struct pollfd ready = {sock, POLLIN, 0};
            if (!poll(&ready, 1, 5)) continue;
        }
        for (int i = 0; i < BATCH; i++) {
            in_at[i] = (struct iovec){in[i], SIZE};
            messages[i].msg_hdr = (struct msghdr){&peers[i], sizeof peers[i], &in_at[i], 1, control[i], 64, 0};
        }
        int got = recvmmsg(sock, messages, BATCH, MSG_WAITFORONE, 0), ready = 0;
        for (int i = 0; i < got; i++) {
            struct msghdr *m = &messages[i].msg_hdr;
            if (loss && drand48() < loss) continue;
            u8 *end = out[i] + SIZE, *at = reply(in[i], messages[i].msg_len, end);
            if (!at) continue;
            uint32_t address = asked_address(m);
            if (slow_last && address >= slow_first && address <= slow_last) {
                if (next - first == LATE) continue;
                Late *l = &late[next++ % LATE];
                l->due = milliseconds() + slow_ms, l->peer = peers[i], l->size = end - at;
                l->control_size = m->msg_controllen;
                memcpy(l->control, control[i], 64), memcpy(l->data, at, end - at);
                continue;
            }
            out_at[ready] = (struct iovec){at, end - at};
            replies[ready++].msg_hdr = (struct msghdr){&peers[i], sizeof peers[i], &out_at[ready - 1], 1, control[i], m->msg_controllen, 0};
        }
        for (int done = 0, n; done < ready; done += n)
            if ((n = sendmmsg(sock, replies + done, ready - done, 0)) <= 0) n = 1; /* that one is lost */
    }
}
