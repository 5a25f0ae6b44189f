/** Types of the deep import `express-session-rs/session/disk`. */
import session = require('../index');

export = session.DiskStore;
