import type { Theme } from 'vitepress'
import DefaultTheme from 'vitepress/theme'
import StatementBox from './StatementBox.vue'
import './style.css'

export default {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    app.component('StatementBox', StatementBox)
  },
} satisfies Theme
