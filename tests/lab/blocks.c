// A plug-in for QEMU that counts how often each block of instructions has run: at the end it writes "ADDRESS INSTRUCTIONS TIMES" for
// each to the file that the argument "to" names. For one CPU: the counters are not atomic.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What it needs of QEMU's plug-in interface, version 1 (docs/devel/tcg-plugins): Debian packs no header.
typedef uint64_t plugin_id;
struct qemu_plugin_tb;
enum { INLINE_ADD = 0 };
extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int, void *, uint64_t);
extern void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

struct block {
    uint64_t address, instructions, times;
    struct block *next;
};

static struct block *blocks;
static const char *to;

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    (void)id;
    struct block *block = calloc(1, sizeof *block);
    if (!block)
        abort();
    block->address = qemu_plugin_tb_vaddr(tb);
    block->instructions = qemu_plugin_tb_n_insns(tb);
    block->next = blocks;
    blocks = block;
    qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD, &block->times, 1);
}

static void ended(plugin_id id, void *data)
{
    (void)id, (void)data;
    FILE *file = fopen(to, "w");
    if (!file)
        return;
    for (struct block *block = blocks; block; block = block->next)
        if (block->times)
            fprintf(file, "%lx %lu %lu\n", block->address, block->instructions, block->times);
    fclose(file);
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info, int count, char **arguments)
{
    (void)info;
    for (int i = 0; i < count; i++)
        if (!strncmp(arguments[i], "to=", 3))
            to = strdup(arguments[i] + 3);
    if (!to)
        return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
