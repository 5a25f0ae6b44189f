import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { Store, type SessionData } from 'express-session';

const DAY_MS = 86_400_000;

/** Keeps each session in a file. The file's modification time is the time at which the session expires. */
export class FolderStore extends Store {
  /**
   * @param folder is created if it does not exist
   * @param lifeMs how long a session lasts whose cookie has no expiry, in ms
   */
  constructor(private readonly folder: string, private readonly lifeMs = DAY_MS) {
    super();
    mkdirSync(folder, { recursive: true });
  }

  override get(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    answer(this.read(this.fileOf(sid)), callback);
  }

  override set(sid: string, session: SessionData, callback?: (error?: unknown) => void): void {
    // Convert the session to text now, because the app may change it later.
    answer(this.write(this.fileOf(sid), JSON.stringify(session), this.endOf(session)), callback);
  }

  /** Changes the expiry and not the data, because another request may be writing the data. */
  override touch(sid: string, session: SessionData, callback?: (error?: unknown) => void): void {
    const end = this.endOf(session);
    answer(utimes(this.fileOf(sid), end, end).catch(ignoreMissing), callback);
  }

  override destroy(sid: string, callback?: (error?: unknown) => void): void {
    answer(rm(this.fileOf(sid), { force: true }), callback);
  }

  override all(callback: (error: unknown, sessions?: SessionData[] | null) => void): void {
    answer(this.readAll(), callback);
  }

  override length(callback: (error: unknown, length?: number) => void): void {
    answer(this.readAll().then((sessions) => sessions.length), callback);
  }

  override clear(callback?: (error?: unknown) => void): void {
    answer(this.files().then((files) => Promise.all(files.map((file) => rm(file, { force: true })))), callback);
  }

  /** Hashes the id. It may come from a `genid` or a cookie, so it must not be used as a path. */
  private fileOf(sid: string): string {
    return path.join(this.folder, `${createHash('sha256').update(sid).digest('hex')}.json`);
  }

  private endOf({ cookie }: SessionData): Date {
    return cookie.expires ? new Date(cookie.expires) : new Date(Date.now() + this.lifeMs);
  }

  private async read(file: string): Promise<SessionData | null> {
    try {
      const [text, { mtime }] = await Promise.all([readFile(file, 'utf8'), stat(file)]);
      if (mtime.getTime() <= Date.now()) return null;
      const session: SessionData = JSON.parse(text);
      // `touch` may have changed the expiry. A session without an expiry keeps none.
      if (session.cookie.expires) session.cookie.expires = mtime;
      return session;
    } catch (error) {
      ignoreMissing(error);
      return null;
    }
  }

  /** Writes a file with another name first, so that no request reads half a session. */
  private async write(file: string, text: string, end: Date): Promise<void> {
    const draft = `${file}.${randomUUID()}`;
    await writeFile(draft, text);
    await utimes(draft, end, end);
    await rename(draft, file);
  }

  private async readAll(): Promise<SessionData[]> {
    const sessions = await Promise.all((await this.files()).map((file) => this.read(file)));
    return sessions.filter((session) => session !== null);
  }

  private async files(): Promise<string[]> {
    const names = await readdir(this.folder);
    return names.filter((name) => name.endsWith('.json')).map((name) => path.join(this.folder, name));
  }
}

/**
 * Calls back in a later turn of the event loop. Otherwise the promise would catch an
 * exception that the app throws in the callback.
 */
function answer<T>(work: Promise<T>, callback?: (error: unknown, value?: T) => void): void {
  work.then(
    (value) => { setImmediate(() => { callback?.(null, value); }); },
    (error: unknown) => { setImmediate(() => { callback?.(error); }); },
  );
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

/** The test suite calls this function. `backend.folder` is a temporary folder. */
export default (_session: unknown, backend: { folder: string }): FolderStore =>
  new FolderStore(path.join(backend.folder, 'sessions'));
