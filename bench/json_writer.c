/*
 * Users to JSON by the service's own writer and by a tree of jansson's, measured in one process, in turns, by
 * CPU time: bench_json [rounds]. First both must give the same bytes. Then a line of JSON per round, in
 * nanoseconds:
 * {"one":{"direct":…,"jansson":…},"hundred":{"direct":…,"jansson":…}}. bench/json_writer.py makes it a table.
 * bench_json users: the users themselves, for the serializers of other languages.
 */
#include "base/json_writer.h"

#include "base/arena.h"
#include "base/clock.h"
#include "users/user_json.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 100, USERS = 40 * PAGE, TEXT_SIZE_MAX = 96, BODY_SIZE_MAX = PAGE * 2048 };

#define MEASURE_NS (50 * NS_PER_MS)

/* Gives the size of the JSON of some users in body. */
typedef size_t write_users(char *body, const struct user *users);

struct contestant {
    const char *name;
    write_users *write_one, *write_hundred;
};

/* Persons as those of bench/sample_users.sql, and some whose names must be escaped. */
static const struct {
    const char *name, *address, *domain;
} persons[] = {
    {"Olivia O'Connor", "olivia.oconnor", "mail.example"},
    {"Jürgen Müller", "juergen.mueller", "post.example"},
    {"Chloé Lefèvre", "chloe.lefevre", "courriel.example"},
    {"María Rodríguez", "maria.rodriguez", "correo.example"},
    {"Conceição Magalhães", "conceicao.magalhaes", "correio.example"},
    {"Świętosława Wójcik", "swietoslawa.wojcik", "poczta.example"},
    {"Růžena Dolejší", "ruzena.dolejsi", "posta.example"},
    {"Çağlar Yılmaz", "caglar.yilmaz", "eposta.example"},
    {"Frøydis Bjørnstad", "froydis.bjornstad", "epost.example"},
    {"Tuulikki Hämäläinen", "tuulikki.hamalainen", "posti.example"},
    {"Юлия Черных", "юлия.chernykh", "pochta.example"},
    {"Олена Шевченко", "olena.shevchenko", "skrynka.example"},
    {"Δημήτρης Παπαϊωάννου", "dimitris.papaioannou", "tachydromeio.example"},
    {"فاطمة الخطيب", "fatima.alkhatib", "barid.example"},
    {"תמר מזרחי", "tamar.mizrahi", "doar.example"},
    {"अनन्या गुप्ता", "ananya.gupta", "dak.example"},
    {"王秀英", "xiuying.wang", "youjian.example"},
    {"小林陽菜", "hina.kobayashi", "yubin.example"},
    {"김민준", "minjun.kim", "upyeon.example"},
    {"Nguyễn Hương", "huong.nguyen", "thu.example"},
    {"Jack Smith", "jack.smith", "mail.example"},
    {"Dwayne \"The Rock\" Johnson", "dwayne.johnson", "mail.example"},
    {"Anneliese Groß", "anneliese.gross", "post.example"},
    {"Emily Bennett", "emily.bennett", "mail.example"},
    {"Begoña Ibáñez", "begona.ibanez", "correo.example"},
    {"ACME\\Grace Hughes", "grace.hughes", "mail.example"},
};

static char texts[USERS][2][TEXT_SIZE_MAX];
static struct user users[USERS];

static uint64_t random_number(void)
{
    static uint64_t state = 0x9E3779B97F4A7C15;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* No two alike; three of four have never been changed. */
static void make_user(size_t i)
{
    static const int64_t epoch_us = INT64_C(1700000000000000);
    size_t person = random_number() % (sizeof persons / sizeof persons[0]);
    (void)snprintf(texts[i][0], TEXT_SIZE_MAX, "%s", persons[person].name);
    (void)snprintf(texts[i][1], TEXT_SIZE_MAX, "%s%u@%s", persons[person].address,
                   (unsigned)(random_number() % 1000), persons[person].domain);
    int64_t created_at_us = epoch_us + (int64_t)(random_number() % UINT64_C(63072000000000));
    bool is_changed = random_number() % 4 == 0;
    users[i] = (struct user){
        .id = 1 + (int64_t)(random_number() % 100000),
        .name = text_of(texts[i][0]),
        .email = text_of(texts[i][1]),
        .created_at_us = created_at_us,
        .updated_at_us = created_at_us + (is_changed ? (int64_t)(random_number() % 10000000000) : 0),
        .version = is_changed ? 2 + (int64_t)(random_number() % 20) : 1,
    };
}

/* The service's own */

static size_t write_one_directly(char *body, const struct user *user)
{
    return (size_t)(user_json_write(body, user) - body);
}

static size_t write_hundred_directly(char *body, const struct user *page)
{
    char *at = body;
    for (size_t i = 0; i < PAGE; i++) {
        *at++ = i == 0 ? '[' : ',';
        at = user_json_write(at, &page[i]);
    }
    *at++ = ']';
    return (size_t)(at - body);
}

/* jansson's */

static json_t *timestamp_node(int64_t unix_us)
{
    char quoted[JSON_WRITER_TIMESTAMP_MAX];
    size_t size = (size_t)(json_writer_timestamp(quoted, unix_us) - quoted);
    return json_stringn(quoted + 1, size - 2);
}

static json_t *user_node(const struct user *user)
{
    json_t *node = json_object();
    int failed = json_object_set_new(node, "id", json_integer(user->id));
    failed |= json_object_set_new(node, "name", json_stringn(user->name.bytes, user->name.size));
    failed |= json_object_set_new(node, "email", json_stringn(user->email.bytes, user->email.size));
    failed |= json_object_set_new(node, "created_at", timestamp_node(user->created_at_us));
    failed |= json_object_set_new(node, "updated_at", timestamp_node(user->updated_at_us));
    failed |= json_object_set_new(node, "version", json_integer(user->version));
    assert(failed == 0);
    return node;
}

static size_t dump(char *body, json_t *tree)
{
    size_t size = json_dumpb(tree, body, BODY_SIZE_MAX, JSON_COMPACT);
    assert(size > 0 && size <= BODY_SIZE_MAX);
    json_decref(tree);
    return size;
}

static size_t write_one_by_jansson(char *body, const struct user *user)
{
    return dump(body, user_node(user));
}

static size_t write_hundred_by_jansson(char *body, const struct user *page)
{
    json_t *array = json_array();
    for (size_t i = 0; i < PAGE; i++) {
        int failed = json_array_append_new(array, user_node(&page[i]));
        assert(failed == 0);
    }
    return dump(body, array);
}

static const struct contestant direct = {"direct", write_one_directly, write_hundred_directly};
static const struct contestant jansson = {"jansson", write_one_by_jansson, write_hundred_by_jansson};

static char body[BODY_SIZE_MAX], other_body[BODY_SIZE_MAX];

static void check_equal(write_users *write, write_users *other_write, size_t step)
{
    for (size_t i = 0; i < USERS; i += step) {
        struct text one = {body, write(body, &users[i])};
        struct text other = {other_body, other_write(other_body, &users[i])};
        if (text_equal(one, other)) continue;
        (void)fprintf(stderr, "not the same:\n%.*s\n%.*s\n", (int)one.size, body, (int)other.size,
                      other_body);
        exit(EXIT_FAILURE);
    }
}

/* The compiler must think that the bytes are read, or it may leave out what writes them. */
static void use(const char *bytes, size_t size)
{
    __asm__ volatile("" : : "r"(bytes), "r"(size) : "memory");
}

/* CPU time of this thread: others may use the processor meanwhile. */
static uint64_t cpu_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Nanoseconds per call, each for the next step users. */
static double measure(write_users *write, size_t step)
{
    uint64_t calls = 0, started_ns = cpu_now_ns(), now_ns = started_ns;
    while (now_ns - started_ns < MEASURE_NS) {
        for (size_t i = 0; i < USERS; i += step, calls++)
            use(body, write(body, &users[i]));
        now_ns = cpu_now_ns();
    }
    return (double)(now_ns - started_ns) / (double)calls;
}

/* Who is first in one round is second in the next. */
static void run_round(bool jansson_first)
{
    const struct contestant *order[] = {jansson_first ? &jansson : &direct,
                                        jansson_first ? &direct : &jansson};
    double one[2], hundred[2];
    for (size_t i = 0; i < 2; i++) {
        one[i] = measure(order[i]->write_one, 1);
        hundred[i] = measure(order[i]->write_hundred, PAGE);
    }
    (void)printf("{\"one\":{\"%s\":%.2f,\"%s\":%.2f},\"hundred\":{\"%s\":%.1f,\"%s\":%.1f}}\n",
                 order[0]->name, one[0], order[1]->name, one[1], order[0]->name, hundred[0], order[1]->name,
                 hundred[1]);
    (void)fflush(stdout);
}

static void print_users(void)
{
    for (size_t i = 0; i < USERS; i++)
        (void)printf("%c%.*s\n", i == 0 ? '[' : ',', (int)write_one_directly(body, &users[i]), body);
    (void)puts("]");
}

int main(int count, char **arguments)
{
    uint64_t rounds = 10;
    bool only_users = count == 2 && strcmp(arguments[1], "users") == 0;
    if (count > 2 || (count == 2 && !only_users && !text_to_uint64(text_of(arguments[1]), 1000, &rounds))) {
        (void)fprintf(stderr, "usage: %s [rounds | users]\n", arguments[0]);
        return 2;
    }
    for (size_t i = 0; i < USERS; i++)
        make_user(i);
    if (only_users) {
        print_users();
        return EXIT_SUCCESS;
    }
    check_equal(direct.write_one, jansson.write_one, 1);
    check_equal(direct.write_hundred, jansson.write_hundred, PAGE);
    for (uint64_t round = 0; round < rounds; round++)
        run_round(round % 2 == 1);
    return EXIT_SUCCESS;
}
