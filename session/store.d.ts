/** Types of the deep import `express-session-rs/session/store`. */
import session = require('../index');

export = session.Store;
