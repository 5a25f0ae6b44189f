/** Types of the deep import `express-session-rs/session/cookie`. */
import session = require('../index');

export = session.Cookie;
