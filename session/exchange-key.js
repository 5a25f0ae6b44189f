'use strict';

/** The property in which a request keeps its `Exchange`. */
module.exports = Symbol('exchange');
