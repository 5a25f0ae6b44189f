/** Types of the deep import `express-session-rs/session/memory`. */
import session = require('../index');

export = session.MemoryStore;
