// The wall clock as this process sees it: real, but for the moments in which something is made as of another time.

const RealDate = Date;
let offset = 0;

globalThis.Date = class extends RealDate {
  constructor(...parts) {
    super(...(parts.length === 0 ? [RealDate.now() + offset] : parts));
  }

  static now() {
    return RealDate.now() + offset;
  }
};

/** What `action` answers while the clock is `milliseconds` ahead, or behind if that is negative. */
export async function shifted(milliseconds, action) {
  offset = milliseconds;
  try {
    return await action();
  } finally {
    offset = 0;
  }
}
