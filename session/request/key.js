'use strict';

/** The property in which a request keeps its `RequestSession`. */
module.exports = Symbol('express-session');
