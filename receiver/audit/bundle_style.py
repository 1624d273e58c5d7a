"""The style of a bundle's page: that of our own pages (receiver/pages/static/style.css), cut down to one column."""

STYLE = """\
:root { color-scheme: light dark; --paper: #fafaf8; --ink: #1c1c1a; --soft: #5b5b57; --line: #dcdcd7; --mat: #ecece8;
  --good: #1a6b34; --bad: #b0201a; --check: #d8d8d4;
  --mono: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
@media (prefers-color-scheme: dark) { :root { --paper: #141413; --ink: #ecece8; --soft: #a5a59f; --line: #33332f;
  --mat: #1f1f1d; --good: #6cc98a; --bad: #ff8d84; --check: #3a3a37; } }
*, *::before, *::after { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 32px 24px 72px; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 8px; }
h2 { font-size: 20px; margin: 48px 0 8px; padding-top: 16px; border-top: 1px solid var(--line);
  overflow-wrap: anywhere; }
h3 { font-size: 16px; margin: 24px 0 8px; }
p, ul, figure, blockquote { margin: 0 0 12px; max-width: 80ch; }
figure { max-width: none; }
a { color: inherit; text-underline-offset: .2em; text-decoration-color: var(--soft); }
code, pre { font-family: var(--mono); font-size: 14px; overflow-wrap: anywhere; }
pre { margin: 0 0 12px; padding: 12px 16px; background: var(--mat); white-space: pre-wrap; }
bdi { unicode-bidi: isolate; overflow-wrap: anywhere; }
blockquote { font-size: 20px; line-height: 1.4; white-space: pre-wrap; overflow-wrap: anywhere; }
.soft, figcaption, th { color: var(--soft); font-size: 14px; font-weight: 400; }
h2 span { font-size: 16px; font-weight: 600; white-space: nowrap; }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(420px, 100%), 1fr)); gap: 24px; }
figcaption { padding-top: 8px; overflow-wrap: anywhere; }
.mat { display: grid; place-items: center; padding: 24px; min-height: 160px; background: var(--mat); }
.mat img { display: block; max-width: 100%; max-height: 480px; width: auto; height: auto;
  background: repeating-conic-gradient(var(--check) 0 25%, transparent 0 50%) 0 0 / 16px 16px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; vertical-align: baseline; padding: 6px 16px 6px 0; border-top: 1px solid var(--line);
  overflow-wrap: anywhere; }
th, time, td.what, td.key, td.place, td.files a { white-space: nowrap; } td.files { min-width: 110px; }
td.hash { font-family: var(--mono); font-size: 12px; }
@media (max-width: 720px) { .head { display: none; }
  tr { display: block; border-top: 1px solid var(--line); padding: 8px 0; }
  td { display: block; border: 0; padding: 0; } td:empty { display: none; } }
"""
