/** Types of the deep import `express-session-rs/session/session`. */
import session = require('../index');

export = session.Session;
