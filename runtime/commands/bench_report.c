/*
 * bench_report.c -- what `bench` measured, as lines, as a table of kernels, and as JSON.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/bench.h"

static const char *const level_name[LEVELS] = {"mem", "L3", "L2"};

/* A kernel with a larger share of the step is marked where it reaches less of its limit; and how
   far beyond the memory's rate is still taken for it. */
static const double marked_share = 0.02, marked_limit = 0.85, beyond_memory = 1.1;

/* ---- Single kernels -------------------------------------------------------------------------- */

struct line {
    const struct net_kernel *kernel;
    double seconds;      /* a step */
    double flops, bytes; /* a step, for the rows of this bench */
    const char *limit;   /* "fma", or the level that its bytes come from */
    double share;        /* of the machine's limit for it */
    bool beyond;         /* faster than where its bytes must be at least */
};

/* The limit is the later of two: all flops at the peak, all bytes at the rate of where they come
   from. That is memory, or a cache where the kernel is faster than memory is. */
static struct line kernel_line(const struct bench *bench, int k)
{
    const struct net_model *model = bench->session.model;
    const struct net_kernel *kernel = &model->train.kernels[k];
    const double part = (double)bench->n / model->batch;
    struct line line = {.kernel = kernel, .seconds = net_profile_median(bench->profile, k)};
    enum level level = bench->level;

    line.seconds = fmax(line.seconds, 1e-9);
    line.flops = kernel->flops * part;
    line.bytes = kernel->bytes * part + kernel->updated * bench->update_traffic;
    while (level < OWN_CACHE && line.bytes > beyond_memory * bench->bandwidth[level] * line.seconds)
        level++;
    const double moving = line.bytes / bench->bandwidth[level], adding = line.flops / bench->peak;
    const bool streams = moving > adding;

    line.limit = streams ? level_name[level] : "fma";
    line.share = (streams ? moving : adding) / line.seconds;
    line.beyond = streams && level > bench->level;
    return line;
}

static double kernels_seconds(const struct bench *bench)
{
    double all = 0.0;

    for (int k = 0; k < bench->session.model->train.kernel_count; k++)
        all += kernel_line(bench, k).seconds;
    return all;
}

static bool is_marked(const struct line *line, double all)
{
    return line->seconds > marked_share * all && line->share < marked_limit && !line->beyond;
}

static void show_kernels(const struct bench *bench)
{
    const struct net_step *step = &bench->session.model->train;
    const double all = kernels_seconds(bench);
    double marked = 0.0;
    int count = 0;

    printf("\n%10s %6s %10s %9s  %9s %-17s %-28s %s\n", "us", "share", "GFLOP/s", "GB/s",
           "of limit", "kind", "layer", "kernel");
    for (int k = 0; k < step->kernel_count; k++) {
        const struct line line = kernel_line(bench, k);
        const bool mark = is_marked(&line, all);

        count += mark;
        marked += mark ? line.seconds : 0.0;
        printf("%10.1f %5.1f%% %10.1f %9.1f %5.0f%% %-3s %-17s %-28s %s%s\n", 1e6 * line.seconds,
               100.0 * line.seconds / all, 1e-9 * line.flops / line.seconds,
               1e-9 * line.bytes / line.seconds, 100.0 * line.share, line.limit, line.kernel->kind,
               line.kernel->layer, line.kernel->name, mark ? "  <" : "");
    }
    printf(
        "Times are medians over steps of the slowest thread; waiting for others is not in them.\n");
    if (bench->level == OWN_CACHE)
        printf("Limits: fma peak, or the triad in L2, which holds all that a step touches.\n");
    else
        printf("Limits: fma peak, or the triad in memory; in a cache (L3, L2) where a kernel is "
               "faster than that.\n");
    printf("< over %.0f%% of the step and under %.0f%% of the limit: %d of %d kernels, %.1f%% "
           "of the step.\n",
           100.0 * marked_share, 100.0 * marked_limit, count, step->kernel_count,
           100.0 * marked / all);
}

static void add_kernels(struct net_text *text, const struct bench *bench)
{
    const struct net_step *step = &bench->session.model->train;
    const double all = kernels_seconds(bench);

    net_text_add(text, ", \"kernels\": [");
    for (int k = 0; k < step->kernel_count; k++) {
        const struct line line = kernel_line(bench, k);

        net_text_add(text, "%s\n  {\"kernel\": \"%s\", \"layer\": ", k ? "," : "",
                     line.kernel->name);
        net_text_quote(text, line.kernel->layer);
        net_text_add(text,
                     ", \"kind\": \"%s\", \"line\": %d, \"us\": %.3f, \"gflops\": %.3f, "
                     "\"gbs\": %.3f, \"limit\": \"%s\", \"limit_share\": %.4f, "
                     "\"marked\": %s}",
                     line.kernel->kind, line.kernel->line, 1e6 * line.seconds,
                     1e-9 * line.flops / line.seconds, 1e-9 * line.bytes / line.seconds, line.limit,
                     line.share, is_marked(&line, all) ? "true" : "false");
    }
    net_text_add(text, "]");
}

static void show_parts(const struct bench *bench)
{
    printf("parts        forward %.1f, backward %.1f, updates of their own %.1f us\n",
           1e6 * bench->phases[NET_PHASE_FORWARD], 1e6 * bench->phases[NET_PHASE_BACKWARD],
           1e6 * bench->phases[NET_PHASE_UPDATE]);
}

static void show_limits(const struct bench *bench)
{
    const double rate = bench->flops / bench->median, cpu_rate = bench->flops / bench->cpu;

    printf("GFLOP/s      %.1f by the clock, %.1f by processor time (%.2f MFLOP a step)\n",
           1e-9 * rate, 1e-9 * cpu_rate, 1e-6 * bench->flops);
    printf("fma peak     %.1f GFLOP/s measured; the step reaches %.1f%% by the clock, %.1f%% by "
           "processor time\n",
           1e-9 * bench->peak, 100.0 * rate / bench->peak, 100.0 * cpu_rate / bench->peak);
    printf("bandwidth    %.1f GB/s of memory measured (triad), %.1f beyond the second caches, %.1f "
           "in them\n",
           1e-9 * bench->bandwidth[MEMORY], 1e-9 * bench->bandwidth[THIRD_CACHE],
           1e-9 * bench->bandwidth[OWN_CACHE]);
    if (bench->rows)
        printf("data         a batch is prepared in %.1f us; a step takes %.1f meanwhile, %.2f%% "
               "of it waiting\n",
               1e6 * bench->preparing, 1e6 * bench->loaded, 100.0 * bench->waiting);
}

void bench_show(const struct bench *bench)
{
    const struct net_model *model = bench->session.model;

    printf("%s, %s, batch %d, threads %d, %ld steps%s on %s rows\n", model->name, model->isa,
           bench->n, bench->session.threads, bench->steps,
           bench->evaluates ? " without training" : "",
           bench->options->value[NET_DATA].text ? "real" : "synthetic");
    printf("step         %.1f us, median by the clock (least %.1f, mean %.1f)\n",
           1e6 * bench->median, 1e6 * bench->least, 1e6 * bench->mean);
    printf("processor    %.1f us a step, of the thread that used most\n", 1e6 * bench->cpu);
    if (!bench->evaluates)
        show_parts(bench);
    printf("samples/s    %.0f\n", bench->n / bench->median);
    printf("memory       %.1f MB, first step after %.3f s\n", bench->memory / 1048576.0,
           bench->first);
    if (!bench->evaluates)
        show_limits(bench);
    if (bench->mean > 1.15 * bench->cpu)
        printf("Others use this machine: processor time is the better measure.\n");
    if (bench->profile)
        show_kernels(bench);
}
static void add_limits(struct net_text *text, const struct bench *bench)
{
    net_text_add(text,
                 ", \"flops\": %.0f, \"gflops\": %.3f, "
                 "\"peak_gflops\": %.3f, \"peak_share\": %.4f, \"peak_share_cpu\": %.4f, "
                 "\"bandwidth_gbs\": %.3f, \"l3_gbs\": %.3f, \"l2_gbs\": %.3f, "
                 "\"forward_ms\": %.4f, \"backward_ms\": %.4f, \"update_ms\": %.4f",
                 bench->flops, 1e-9 * bench->flops / bench->median, 1e-9 * bench->peak,
                 bench->flops / bench->median / bench->peak,
                 bench->flops / bench->cpu / bench->peak, 1e-9 * bench->bandwidth[MEMORY],
                 1e-9 * bench->bandwidth[THIRD_CACHE], 1e-9 * bench->bandwidth[OWN_CACHE],
                 1e3 * bench->phases[NET_PHASE_FORWARD], 1e3 * bench->phases[NET_PHASE_BACKWARD],
                 1e3 * bench->phases[NET_PHASE_UPDATE]);
}

void bench_show_json(const struct bench *bench)
{
    const struct net_model *model = bench->session.model;
    struct net_text text = {0};

    net_text_add(&text, "{\"model\": ");
    net_text_quote(&text, model->name);
    net_text_add(
        &text,
        ", \"isa\": \"%s\", \"batch\": %d, \"threads\": %d, "
        "\"steps\": %ld, \"step_ms\": %.6f, \"step_least_ms\": %.6f, \"step_mean_ms\": %.6f, "
        "\"step_cpu_ms\": %.6f, ",
        model->isa, bench->n, bench->session.threads, bench->steps, 1e3 * bench->median,
        1e3 * bench->least, 1e3 * bench->mean, 1e3 * bench->cpu);
    net_text_add(&text, "\"samples_per_second\": %.1f, \"peak_mb\": %.2f, \"first_step_s\": %.4f",
                 bench->n / bench->median, bench->memory / 1048576.0, bench->first);
    if (!bench->evaluates)
        add_limits(&text, bench);
    if (bench->rows)
        net_text_add(&text,
                     ", \"preparing_ms\": %.6f, \"loaded_step_ms\": %.6f, "
                     "\"loaded_cpu_ms\": %.6f, \"waiting_share\": %.5f",
                     1e3 * bench->preparing, 1e3 * bench->loaded, 1e3 * bench->loaded_cpu,
                     bench->waiting);
    if (bench->profile)
        add_kernels(&text, bench);
    net_text_add(&text, "}");
    puts(text.at);
    free(text.at);
}
