'use strict';

/** A NestJS app on platform-express. Decorators are called by hand: there is no TypeScript here. */
require('reflect-metadata');
const { Readable } = require('node:stream');
const flash = require('connect-flash');
const session = require('express-session');
const { serve } = require('./serve');

const HOUR = 60 * 60 * 1000;

main();

async function main() {
  // From version 12 on, NestJS has ECMAScript modules only.
  const nest = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');
  const { from, map } = await import('rxjs');

  const app = await NestFactory.create(defineApp(nest, { from, map }), { logger: false });
  app.use(session({ secret: 'keyboard', resave: false, saveUninitialized: false, cookie: { maxAge: HOUR } }));
  app.use(flash());
  app.setGlobalPrefix('v1');
  await app.init();

  serve(app.getHttpServer(), () => app.close());
}

function defineApp(nest, { from, map }) {
  const { Body, Controller, Get, HttpCode, Module, Post, Redirect, Req, Res, Session, Sse } = nest;

  /** Lets in who is logged in. */
  class LoggedIn {
    canActivate(context) {
      const { session } = context.switchToHttp().getRequest();
      return Boolean(session.user);
    }
  }

  /** Counts on the way in, shows on the way out. */
  class Counting {
    intercept(context, handler) {
      const { session } = context.switchToHttp().getRequest();
      session.calls = (session.calls || 0) + 1;
      return handler.handle().pipe(map((value) => ({ value, calls: session.calls })));
    }
  }

  /** Answers with what the session says of the error. */
  class Errors {
    catch(error, host) {
      const http = host.switchToHttp();
      const { session } = http.getRequest();
      session.errors = (session.errors || 0) + 1;
      http.getResponse().status(error.getStatus?.() ?? 500).json({ message: error.message, errors: session.errors });
    }
  }

  class Visits {
    count(session) {
      session.visits = (session.visits || 0) + 1;
      return { visits: session.visits, keys: Object.keys(session) };
    }

    async login(req, { username }) {
      await new Promise((resolve, reject) => req.session.regenerate((error) => (error ? reject(error) : resolve())));
      req.session.user = username;
      req.flash('info', `Welcome ${username}`);
      return { id: req.session.id };
    }

    account(req) {
      return { user: req.session.user, messages: req.flash('info') };
    }

    async fail(session) {
      session.failing = true;
      throw new nest.NotFoundException('not here');
    }

    break() {
      throw new Error('broken');
    }

    file(session, res) {
      session.files = (session.files || 0) + 1;
      res.set('X-Files', String(session.files));
      return new nest.StreamableFile(Readable.from([Buffer.from('a '), Buffer.from('file')]), { type: 'text/plain' });
    }

    home() {}

    events(session) {
      session.events = true;
      return from(['one', 'two']).pipe(map((data) => ({ data })));
    }

    logout(req, res) {
      req.session.destroy((error) => res.status(error ? 500 : 200).json({ session: String(req.session) }));
    }

    seen(req) {
      return { id: req.sessionID, session: req.session };
    }
  }

  const route = (name, decorators, parameters) => {
    const { prototype } = Visits;
    parameters.forEach((parameter, i) => parameter(prototype, name, i));
    for (const decorator of decorators) decorator(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
  };
  const guarded = nest.UseGuards(LoggedIn);

  route('count', [Get('count'), nest.UseInterceptors(Counting)], [Session()]);
  route('login', [Post('login'), HttpCode(200)], [Req(), Body()]);
  route('account', [Get('account'), guarded], [Req()]);
  route('fail', [Get('fail')], [Session()]);
  route('break', [Get('break')], []);
  route('file', [Get('file')], [Session(), Res({ passthrough: true })]);
  route('home', [Get('home'), Redirect('/v1/count', 302)], []);
  route('events', [Sse('events')], [Session()]);
  route('logout', [Post('logout'), guarded], [Req(), Res()]);
  route('seen', [Get('seen')], [Req()]);
  Controller()(Visits);
  nest.UseFilters(new Errors())(Visits);

  /** Middleware of a module, after that of the app. */
  class App {
    configure(consumer) {
      consumer.apply((req, res, next) => {
        req.session.entries = (req.session.entries || 0) + 1;
        next();
      }).forRoutes('count');
    }
  }

  nest.Catch()(Errors);
  nest.Injectable()(LoggedIn);
  nest.Injectable()(Counting);
  Module({ controllers: [Visits] })(App);
  return App;
}
