/*
 * table.c -- a number for a word, found by hash.
 *
 * Open addressing; at most half full. Nothing walks a table, so that no output follows the order
 * of hashes.
 */

#include "base/base.h"

#include <string.h>

static size_t find_slot(const Table *table, const char *word)
{
    size_t hash = 5381;

    for (const char *c = word; *c; c++)
        hash = hash * 33 + (unsigned char)*c;
    for (size_t slot = hash & (table->size - 1);; slot = (slot + 1) & (table->size - 1))
        if (!table->slots[slot].word || strcmp(table->slots[slot].word, word) == 0)
            return slot;
}

int table_find(const Table *table, const char *word)
{
    const TableSlot *slot = table->size ? &table->slots[find_slot(table, word)] : NULL;

    return slot && slot->word ? slot->number : -1;
}

static void enlarge(Table *table)
{
    const Table old = *table;

    table->size = old.size ? 2 * old.size : 64;
    table->slots = allocate(table->size * sizeof *table->slots);
    for (size_t i = 0; i < old.size; i++)
        if (old.slots[i].word)
            table->slots[find_slot(table, old.slots[i].word)] = old.slots[i];
}

void table_set(Table *table, const char *word, int number)
{
    TableSlot *slot;

    if (2 * (table->count + 1) > table->size)
        enlarge(table);
    slot = &table->slots[find_slot(table, word)];
    table->count += !slot->word;
    *slot = (TableSlot){word, number};
}
