// How the report looks: two schemes, plain type, no more than the plots need.

export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --ink: #1c2330; --soft: #5b6575; --line: #dfe3ea; --faint: #8b94a3; --card: #f7f8fa;
  --blue: #2f6fd6; --orange: #d9730d; --green: #24875a; --red: #c93a3a; --purple: #7b52c9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181f; --ink: #e3e7ee; --soft: #9aa4b4; --line: #2b323e; --faint: #6f7a8b; --card: #1a1f28;
    --blue: #6fa5ff; --orange: #f2994a; --green: #52bd8c; --red: #f07171; --purple: #ac8bf0;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1144px; padding: 32px 32px 64px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 19px; margin: 40px 0 4px; }
h3 { font-size: 15px; margin: 0; }
p { margin: 4px 0 12px; max-width: 76ch; }
.soft, figcaption { color: var(--soft); font-size: 13px; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0; padding: 0; }
.facts div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px; }
.facts dt { color: var(--soft); font-size: 13px; }
.facts dd { margin: 0; font-size: 20px; font-variant-numeric: tabular-nums; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(500px, 100%), 1fr)); gap: 24px; margin-top: 16px; }
figure { margin: 0; min-width: 0; }
figcaption { margin-bottom: 6px; }
svg { max-width: 100%; height: auto; --plot-background: var(--page); }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: 4px 10px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; }
th:first-child, td:first-child { text-align: left; }
.scroll { overflow: auto; max-height: 520px; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 16px; overflow: auto;
  font: 12.5px/1.5 ui-monospace, monospace; max-height: 480px; }
.bad { border-left: 4px solid var(--red); padding-left: 14px; }
`;
