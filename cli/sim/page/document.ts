// One HTML page in one file, which opens offline. It knows nothing of what it shows.
import { STYLE } from './style.ts';
import { escapeHtml } from './tables.ts';

/** `title` is plain text, `body` is HTML. */
export function htmlDocument(title: string, body: string): string {
  const heading = escapeHtml(title);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${heading}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${heading}</h1>
${body}
</body>
</html>
`;
}
