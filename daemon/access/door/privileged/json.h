/* Words for crun, which reads JSON and refuses what isn't UTF-8. */
#include <stdio.h>

/* Length of the UTF-8 character there, 0 when it is none: longer than it need be, a surrogate, or past the last. */
static int character(const unsigned char *at)
{
  static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
  if (*at < 0x80) return 1;
  int length = *at >> 5 == 6 ? 2 : *at >> 4 == 14 ? 3 : *at >> 3 == 30 ? 4 : 0;
  unsigned code = *at & (0x7f >> length);
  for (int i = 1; i < length; i++) {
    if (at[i] >> 6 != 2) return 0;
    code = code << 6 | (at[i] & 0x3f);
  }
  return length && code >= least[length] && code <= 0x10ffff && code >> 11 != 27 ? length : 0;
}

static int is_text(const char *text)
{
  const unsigned char *at = (const unsigned char *)text;
  while (*at) {
    int length = character(at);
    if (!length) return 0;
    at += length;
  }
  return 1;
}

/* A string; other bytes as printf's %b has them, and so its backslashes too, when there are any. */
static void json(FILE *to, const char *text)
{
  int plain = is_text(text);
  fputc('"', to);
  for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
    int length = character(at);
    if (!length) fprintf(to, "\\\\0%03o", *at);
    else if (*at == '"' || *at == '\\') fprintf(to, plain || *at == '"' ? "\\%c" : "\\\\\\%c", *at);
    else if (*at < ' ' || *at == 127) fprintf(to, "\\u%04x", *at);
    else fwrite(at, 1, length, to), at += length - 1;
  }
  fputc('"', to);
}
