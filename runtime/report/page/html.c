/*
 * html.c -- what pages are made of: head and style, headings, numbers, figures.
 */

#include <math.h>
#include <stdlib.h>

#include "report/page/page.h"

static const char style[] =
    "<style>\n"
    ":root{--ink:#222;--soft:#666;--paper:#fff;--line:#ddd;--good:31 119 180;--bad:217 95 2"
#define COLOR(class, light, dark) ";--" #class ":" light
    NET_EVERY_COLOR
#undef COLOR
    "}\n"
    "@media screen and (prefers-color-scheme:dark){:root{--ink:#ddd;--soft:#999;--paper:#16181b;"
    "--line:#3a3d42;--good:108 178 235;--bad:246 160 77"
#define COLOR(class, light, dark) ";--" #class ":" dark
    NET_EVERY_COLOR
#undef COLOR
    "}}\n"
    "body{margin:0 auto;max-width:70rem;padding:1rem;color:var(--ink);background:var(--paper);"
    "font:16px/1.45 system-ui,sans-serif}\n"
    "h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.15rem;margin:2rem 0 .6rem}\n"
    "p{margin:.3rem 0}.soft{color:var(--soft)}code{overflow-wrap:anywhere}\n"
    ".wide{overflow-x:auto;margin:.6rem 0}table{border-collapse:collapse;font-variant-numeric:"
    "tabular-nums}\n"
    "td,th{padding:.15rem .7rem;text-align:right;border-bottom:1px solid var(--line);font-weight:"
    "normal}\n"
    "th:first-child,.text{text-align:left}th:not([scope]){color:var(--soft)}th[scope]{white-space:"
    "nowrap}\n"
    "caption{text-align:left;white-space:nowrap;color:var(--soft);padding-bottom:.3rem}\n"
    ".map td,.map th{padding:.3rem .5rem;border:0;text-align:center;min-width:1.6rem}\n"
    ".right{background:rgb(var(--good)/var(--share))}.wrong{background:rgb(var(--bad)/"
    "calc(var(--share)*1.5))}.dark{color:var(--paper)}.map td,.bar div,.key{"
    "print-color-adjust:exact}.key{display:inline-block;width:.8em;height:.8em;border:1px solid "
    "var(--line)}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr));"
    "gap:1rem;margin:1rem 0}figure{margin:0;max-width:42rem}\n"
    "svg{width:100%;height:auto;display:block}text{font:12px system-ui,sans-serif;fill:var(--ink)}"
    ".title{font-weight:bold}.grid{stroke:var(--line)}.grey{stroke:var(--soft);opacity:.5}"
    ".best{stroke:var(--soft);stroke-dasharray:4}.dot{fill:var(--a);fill-opacity:.5}"
#define COLOR(class, light, dark)                                                                  \
    "." #class "{color:var(--" #class ");stroke:currentColor}text." #class NET_COLORED_TEXT
    NET_EVERY_COLOR
#undef COLOR
    ".over{stroke:var(--paper);stroke-width:4}"
    ".band{fill:currentColor;fill-opacity:.2;stroke:none}\n"
    ".rows td,.rows th{vertical-align:top}.rows td.text{min-width:14rem;max-width:40rem}.rows "
    ".picture{text-align:left}"
    ".bar{min-width:8rem}.bar div{background:rgb(var(--good));height:.7rem}"
    "img{image-rendering:pixelated;display:block}\n"
    "summary{cursor:pointer;margin:.6rem 0}\n"
    "@media(max-width:40rem){td,th{padding:.15rem .4rem}caption{white-space:normal}.rows "
    "caption{max-width:calc(100vw - 2rem)}.rows td.text{min-width:75vw}}\n"
    "@media print,(max-width:40rem){text{font-size:16px}}\n"
    "@media print{body{font-size:11px;max-width:none;padding:0}td,th{padding:.1rem .3rem}.figures{"
    "grid-template-columns:1fr 1fr}.wide{overflow:visible}h2,summary,caption,tr:first-child{"
    "break-after:avoid}figure,tr{break-inside:avoid}details::details-content{display:block;"
    "content-visibility:visible}}\n"
    "</style>\n";

void net_page_begin(struct net_text *page, const char *title, int reload)
{
    net_text_add(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                       "<meta name=\"color-scheme\" content=\"light dark\">\n");
    if (reload)
        net_text_add(page, "<meta http-equiv=\"refresh\" content=\"%d\">\n", reload);
    net_text_add(page, "<title>");
    net_text_html(page, title);
    net_text_add(page, "</title>\n");
    net_text_add(page, "%s", style);
    net_text_add(page, "</head>\n<body>\n");
}

void net_page_end(struct net_text *page)
{
    net_text_add(page, "</body>\n</html>\n");
}

void net_page_heading(struct net_text *page, const char *heading)
{
    net_text_add(page, "<h2>");
    net_text_html(page, heading);
    net_text_add(page, "</h2>\n");
}

void net_text_shown(struct net_text *text, double number)
{
    const double size = fabs(number);

    net_text_add(text,
                 !isfinite(number)            ? "–"
                 : size >= 1e4 && size < 1e12 ? "%.0f"
                                              : "%.4g",
                 number);
}

void net_page_number(struct net_text *page, double number)
{
    net_text_add(page, "<td>");
    net_text_shown(page, number);
}

void net_page_share(struct net_text *page, double share)
{
    net_text_add(page, isfinite(share) ? "<td>%.4f" : "<td>–", share);
}

void net_page_figure(struct net_text *page, const char *id, const struct net_text *svg)
{
    net_text_add(page, id ? "<figure id=\"%s\">" : "<figure>", id);
    net_text_add(page, "%s</figure>\n", svg->at);
}

void net_page_draw(struct net_text *page, const char *id, const struct net_figure *figure)
{
    struct net_text svg = {0};

    if (net_figure_draw(&svg, figure))
        net_page_figure(page, id, &svg);
    free(svg.at);
}
